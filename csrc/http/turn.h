/* turn.h: the end of a turn of the loop, the one place where connections, exchanges, event streams
 * and followers are freed and their ends are reported. And the life of a server context: start,
 * graceful shutdown, close, free. */
#ifndef SSE_HTTP_TURN_H
#define SSE_HTTP_TURN_H

#include "context.h"

/* Starts a zeroed context: from now on sse_context_wake has its work done at the end of the turn,
 * and its sockets are replaced in a forked child. The limits are copied. */
void sse_context_start(sse_context *context, sse_loop *loop, const sse_limits *limits);

/* Closes every connection that is open now (SSE_END_SERVER), after one try to write what is queued:
 * as many as a slice allows at once, the others in the next turns, and no request of theirs is
 * taken any more. The end of the turn reports their ends. */
void sse_context_close_all(sse_context *context);

/* Begins a graceful shutdown. Connections take no further request: idle ones end now, the others
 * after their requests in progress. Open event streams end spread over `within` ms, each with a
 * `retry:` of `retry` ms to half as much again; a stream that is opened later ends within what is
 * left of the time. Does nothing when it has begun already. */
void sse_context_shut_down(sse_context *context, uint64_t within, uint64_t retry);

/* Closes the connections that are open, reports the ends that are not reported yet, and frees
 * everything. Not from a callback. */
void sse_context_free(sse_context *context);

#endif
