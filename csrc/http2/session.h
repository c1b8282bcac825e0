/* session.h: HTTP/2 over one connection (RFC 9113), by nghttp2: requests side by side, each
 * an exchange of its own; flow control both ways; what clients do without measure is counted and
 * ends the connection. */
#ifndef SSE_HTTP2_SESSION_H
#define SSE_HTTP2_SESSION_H

#include "../http/connection.h"

/* Speaks HTTP/2 over the connection, from the client's preface on. Whole requests go to
 * context->on_request. SSE_ENOMEM. */
int sse_http2_session_start(sse_connection *c);

/* A started session ends before any request: the client is told that none is served. */
void sse_http2_session_refuse(sse_connection *c);

#endif
