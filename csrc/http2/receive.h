/* receive.h: what nghttp2 calls for what the client sends. */
#ifndef SSE_HTTP2_RECEIVE_H
#define SSE_HTTP2_RECEIVE_H

#include "session_types.h"

void sse_http2_set_receive_callbacks(nghttp2_session_callbacks *callbacks);

#endif
