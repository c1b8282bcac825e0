/* http1_session.h: HTTP/1.0 and 1.1 over one connection: requests one after the other, keep-alive,
 * pipelining in order, deadlines, refusals (RFC 9112). */
#ifndef SSE_NET_HTTP1_SESSION_H
#define SSE_NET_HTTP1_SESSION_H

#include "connection.h"
#include "exchange.h"

/* HTTP/1 is what the connection speaks from now on; whole requests go to pool->on_request. The
 * caller has set the idle deadline, and reads. SSE_ENOMEM: nothing changed. */
int sse_http1_session_begin(sse_connection *c);

/* An accepted socket (taken over, also on failure) of a client that is one too many: a 503 with
 * Retry-After and the end. */
int sse_http1_session_refuse(sse_pool *pool, evutil_socket_t fd);

#endif
