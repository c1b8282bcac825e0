/* context_struct.h: the fields of sse_tls_context, for the files of this folder only. */
#ifndef SSE_TLS_CONTEXT_STRUCT_H
#define SSE_TLS_CONTEXT_STRUCT_H

#include <openssl/ssl.h>

#include "counters.h"
#include "options.h"
#include "tickets.h"

struct sse_tls_context {
    size_t refs;
    sse_tls_options options;   /* identities and texts are copies */
    SSL_CTX **ssl_contexts;    /* one for each identity, in the same order */
    SSL_CTX **aside;           /* the same, as the files are now; NULL: see sse_tls_context_read */
    BIO_METHOD *socket_method; /* of socket_bio.h, for all connections */
    sse_tls_tickets tickets;
    sse_tls_counters *count;
    size_t handshaking;      /* handshakes under way */
    size_t most_handshaking; /* the most at once since the heap was trimmed */
    bool trim_again;         /* trim the heap once more when no handshake is under way */
};

#endif
