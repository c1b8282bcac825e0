/* session.h: HTTP/1.0 and 1.1 over one connection (RFC 9112): requests one after the other,
 * keep-alive, pipelining in order, deadlines, error responses to bad requests. */
#ifndef SSE_HTTP1_SESSION_H
#define SSE_HTTP1_SESSION_H

#include "../http/connection.h"
#include "../http/exchange.h"

/* Makes the connection speak HTTP/1 and starts reading. Whole requests go to context->on_request.
 * SSE_ENOMEM: the connection is unchanged. */
int sse_http1_session_start(sse_connection *c);

/* Sends an error response before any request, and finishes the connection: where TLS is spoken, for
 * a client that speaks plain HTTP. */
void sse_http1_session_refuse(sse_connection *c, int status, const char *reason);

#endif
