/* dispatch.h: hands whole requests over. */
#ifndef SSE_HTTP2_DISPATCH_H
#define SSE_HTTP2_DISPATCH_H

#include "session_types.h"

/* Hands whole requests over, unless the client has its share of what the server holds. */
void sse_http2_dispatch(sse_http2_session *s);

/* There may be room for those that have waited. */
void sse_http2_on_room(sse_connection *c);

#endif
