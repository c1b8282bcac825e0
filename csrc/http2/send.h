/* send.h: what nghttp2 calls to send: frames go to the connection's queue. */
#ifndef SSE_HTTP2_SEND_H
#define SSE_HTTP2_SEND_H

#include "session_types.h"

/* The heads that wait go to the engine. */
void sse_http2_submit_heads(sse_http2_session *s);

void sse_http2_set_send_callbacks(nghttp2_session_callbacks *callbacks);

#endif
