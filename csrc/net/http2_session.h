/* http2_session.h: HTTP/2 over one connection (RFC 9113), by nghttp2: requests side by side, each
 * an exchange of its own; flow control both ways; what clients do without measure is counted and
 * ends the connection. */
#ifndef SSE_NET_HTTP2_SESSION_H
#define SSE_NET_HTTP2_SESSION_H

#include "connection.h"

/* HTTP/2 is what the connection speaks from now on, from the client's preface on; whole requests go
 * to pool->on_request. The caller has set the idle deadline, and reads. SSE_ENOMEM: nothing
 * changed. */
int sse_http2_session_begin(sse_connection *c);

#endif
