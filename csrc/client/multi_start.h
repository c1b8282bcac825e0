/* multi_start.h: entries are given to libcurl, in order and in shares of a turn, each to the shard
 * where it belongs. */
#ifndef SSE_CLIENT_MULTI_START_H
#define SSE_CLIENT_MULTI_START_H

#include "multi_state.h"

/* Closes the connections of a shard that has no transfer. */
void sse_multi_close_shard(sse_multi *m, sse_shard *s);

/* Gives waiting entries to libcurl while the turn has time for it, the rest in a later turn. Never
 * from within libcurl's callbacks. */
void sse_multi_start_entries(sse_multi *m);

/* The same in a deferred call, from wherever. `arg` is the sse_multi. */
void sse_multi_start_later(void *arg);

/* That deferred call. */
void sse_multi_on_start_call(void *arg);

#endif
