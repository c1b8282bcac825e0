/* inner.h: what the files of TLS share; for nobody else. */
#ifndef SSE_TLS_INNER_H
#define SSE_TLS_INNER_H

#include <openssl/ssl.h>

#include "context.h"
#include "tickets.h"

struct sse_tls_context {
    sse_tls_options options; /* identities and texts are copies */
    SSL_CTX **served;        /* one an identity */
    BIO_METHOD *socket;      /* tls.c's */
    sse_tls_tickets tickets;
    sse_tls_counters count;
    size_t handshaking, most; /* handshakes under way, and how many there were at once */
    bool crowded;             /* there were many */
};

/* tls_load.c's: fills in what the options say for one certificate. Codes and message as those of
 * sse_tls_context_new. */
int sse_tls_load(const sse_tls_options *options, const sse_tls_identity *id, SSL_CTX *made,
                 char *message, size_t size);

/* What OpenSSL says of the failure at hand. */
const char *sse_tls_why(void);

/* tls.c's: reads and writes the socket of a connection. NULL: out of memory. */
BIO_METHOD *sse_tls_socket_method(void);

#endif
