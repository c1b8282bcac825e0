/* send.h: from the streams' responses to the connection's queue. nghttp2 chooses which stream
 * sends next, within its flow-control windows; DATA is not copied, but moved from a stream's queue
 * to the connection's. */
#ifndef SSE_HTTP2_SEND_H
#define SSE_HTTP2_SEND_H

#include "session_types.h"

void sse_http2_set_send_callbacks(nghttp2_session_callbacks *callbacks);

/* Submits the response heads of all pending streams to nghttp2. */
void sse_http2_submit_heads(sse_http2_session *s);

#endif
