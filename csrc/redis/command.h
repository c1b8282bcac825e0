/* command.h: the bytes of a command that appends a run of events. */
#ifndef SSE_REDIS_COMMAND_H
#define SSE_REDIS_COMMAND_H

#include "queue.h"

/* Makes the command of these words, the bytes of each event as a list of MessagePack's, the
 * records, whose tokens are `mark` and their number in the run, and where an event has an id or a
 * dedupe value, both of each. Returns what is to be freed, *len bytes; NULL: out of memory. */
char *command_append(int count, const char *const *words, const size_t *lengths, const run *r,
                     sse_slice mark, size_t *len);

#endif
