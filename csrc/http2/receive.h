/* receive.h: nghttp2's callbacks for the frames that a client sends: they make streams and fill
 * their readers. A callback that returns NGHTTP2_ERR_CALLBACK_FAILURE ends the connection. */
#ifndef SSE_HTTP2_RECEIVE_H
#define SSE_HTTP2_RECEIVE_H

#include "session_types.h"

void sse_http2_set_receive_callbacks(nghttp2_session_callbacks *callbacks);

#endif
