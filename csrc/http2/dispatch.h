/* dispatch.h: whole requests are handed over to context->on_request. */
#ifndef SSE_HTTP2_DISPATCH_H
#define SSE_HTTP2_DISPATCH_H

#include "session_types.h"

/* Hands over whole requests, a few at a time, while what waits to be sent to the client leaves
 * room. The others follow at the next turn, or when there is room. Not from nghttp2's callbacks. */
void sse_http2_dispatch(sse_http2_session *s);

/* See sse_protocol: requests may be handed over again. */
void sse_http2_on_room(sse_connection *c);

#endif
