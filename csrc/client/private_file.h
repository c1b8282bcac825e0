/* private_file.h: files that only their owner may read. */
#ifndef SSE_CLIENT_PRIVATE_FILE_H
#define SSE_CLIENT_PRIVATE_FILE_H

#include <stdbool.h>

/* Creates the file with permissions for its owner alone, unless it exists; an existing file keeps
 * its content and permissions. Returns whether the file can be written. */
bool sse_create_private_file(const char *path);

#endif
