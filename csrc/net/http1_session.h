/* http1_session.h: HTTP/1.0 and 1.1 over one connection: requests one after the other, keep-alive,
 * pipelining in order, deadlines, refusals (RFC 9112). */
#ifndef SSE_NET_HTTP1_SESSION_H
#define SSE_NET_HTTP1_SESSION_H

#include "connection.h"
#include "exchange.h"

/* Speaks HTTP/1 over an accepted socket (taken over, also on failure). Whole requests go to
 * pool->on_request. */
int sse_http1_session_accept(sse_pool *pool, evutil_socket_t fd, sse_connection **out);

/* The same for a client that is one too many: a 503 with Retry-After and the end. */
int sse_http1_session_refuse(sse_pool *pool, evutil_socket_t fd);

#endif
