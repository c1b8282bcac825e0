/* overload.h: what happens while the context is full, that is, while more than max_pending_total is
 * held for sockets: the clients that are furthest behind are ended. */
#ifndef SSE_HTTP_OVERLOAD_H
#define SSE_HTTP_OVERLOAD_H

#include "context.h"

/* Prepares the context's overload_timer. */
void sse_overload_init(sse_context *context);

/* For the end of the turn. While the context is full, ends connections and HTTP/2 streams, those
 * with the heaviest backlog first, until seven eighths of max_pending_total are held. */
void sse_overload_shed(sse_context *context);

#endif
