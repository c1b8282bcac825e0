/* response.h: the response on a stream: what an exchange needs of HTTP/2. */
#ifndef SSE_HTTP2_RESPONSE_H
#define SSE_HTTP2_RESPONSE_H

#include "session_types.h"

/* A clear answer to a request that can't be served; what comes behind it is not looked at. */
void sse_http2_response_reject(sse_http2_stream *t, int status, const char *reason);

extern const sse_transport sse_http2_transport;

#endif
