/* negotiation.h: a new connection: over TLS it waits for the handshake, then its session is chosen
 * by ALPN; a plain one shows what it speaks (sniff.h). The server's first step with each socket. */
#ifndef SSE_SERVER_NEGOTIATION_H
#define SSE_SERVER_NEGOTIATION_H

#include "../http/connection.h"

/* What the server speaks over TLS, for sse_tls_options.alpn. */
extern const sse_slice sse_greeting_alpn;

/* Takes the socket over (also on failure) and begins; tls NULL: plain. The deadline of the
 * handshake is head_timeout's. */
int sse_greeting_accept(sse_pool *pool, evutil_socket_t fd, sse_tls_context *tls,
                        sse_connection **out);

/* The same for a client that is one too many: it is told so. */
int sse_greeting_refuse(sse_pool *pool, evutil_socket_t fd, sse_tls_context *tls);

#endif
