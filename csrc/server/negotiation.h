/* negotiation.h: a new connection: over TLS it waits for the handshake, then its session is chosen
 * by ALPN; a plain one shows what it speaks (detection.h). The server's first step with each
 * socket. */
#ifndef SSE_SERVER_NEGOTIATION_H
#define SSE_SERVER_NEGOTIATION_H

#include "../http/connection.h"

/* What the server speaks over TLS, for sse_tls_options.alpn. */
extern const sse_slice sse_negotiation_alpn;

/* Takes the socket over (also on failure) and begins; tls NULL: plain. The deadline of the
 * handshake is head_timeout's. */
int sse_negotiation_accept(sse_context *context, evutil_socket_t fd, sse_tls_context *tls,
                           sse_connection **out);

/* The same for a client that is one too many: it is told so. */
int sse_negotiation_refuse(sse_context *context, evutil_socket_t fd, sse_tls_context *tls);

#endif
