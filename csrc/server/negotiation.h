/* negotiation.h: chooses the session of a new connection: by ALPN after a TLS handshake, by the
 * first bytes where the connection is plain (detection.h). */
#ifndef SSE_SERVER_NEGOTIATION_H
#define SSE_SERVER_NEGOTIATION_H

#include "../http/connection.h"

/* The protocols that the server speaks over TLS, for sse_tls_options.alpn. */
extern const sse_slice sse_negotiation_alpn;

/* Makes a connection of an accepted socket, which it owns from now on (also on failure), and starts
 * reading. tls NULL: plain. The TLS handshake must be done within head_timeout. SSE_ENOMEM: there
 * is no connection. Out of memory later, *out has ended. */
int sse_negotiation_start(sse_context *context, evutil_socket_t fd, sse_tls_context *tls,
                          sse_connection **out);

/* The same with a connection that has no session. Out of memory, it has ended. */
void sse_negotiation_begin(sse_connection *c, sse_tls_context *tls);

#endif
