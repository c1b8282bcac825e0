/* session.h: HTTP/2 over one connection (RFC 9113), by nghttp2: requests side by side, each on a
 * stream and with an exchange of its own; flow control both ways; limits on floods. */
#ifndef SSE_HTTP2_SESSION_H
#define SSE_HTTP2_SESSION_H

#include "../http/connection.h"

/* Makes the connection speak HTTP/2, from the client's preface on, and starts reading. Whole
 * requests go to context->on_request. SSE_ENOMEM: the connection is unchanged. */
int sse_http2_session_start(sse_connection *c);

#endif
