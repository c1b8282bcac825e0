/* private_file.h: files whose content is nobody else's business. */
#ifndef SSE_CLIENT_PRIVATE_FILE_H
#define SSE_CLIENT_PRIVATE_FILE_H

#include <stdbool.h>

/* Makes the file, for its owner alone, where there is none; whether it can be written. One that is
 * there keeps its permissions. */
bool sse_private_file(const char *path);

#endif
