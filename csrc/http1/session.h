/* session.h: HTTP/1.0 and 1.1 over one connection: requests one after the other, keep-alive,
 * pipelining in order, deadlines, refusals (RFC 9112). */
#ifndef SSE_HTTP1_SESSION_H
#define SSE_HTTP1_SESSION_H

#include "../http/connection.h"
#include "../http/exchange.h"

/* Speaks HTTP/1 over the connection. Whole requests go to context->on_request. SSE_ENOMEM. */
int sse_http1_session_start(sse_connection *c);

/* An answer before any request, and the end; a 503 has a Retry-After. */
void sse_http1_session_refuse(sse_connection *c, int status, const char *reason);

#endif
