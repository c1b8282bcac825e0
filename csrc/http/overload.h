/* overload.h: what happens when more than max_buffered is held for sockets: the clients that are
 * furthest behind are ended. */
#ifndef SSE_HTTP_OVERLOAD_H
#define SSE_HTTP_OVERLOAD_H

#include "context.h"

/* For sse_context_start: what the context's `overload_timer` deadline calls. */
void sse_overload_init(sse_context *context);

/* The end of the turn: where more than max_buffered is held, ends connections and HTTP/2 streams
 * until an eighth less than that is held. */
void sse_overload_shed(sse_context *context);

#endif
