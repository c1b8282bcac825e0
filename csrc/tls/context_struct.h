/* context_struct.h: the fields of sse_tls_context, for the files of this folder only. */
#ifndef SSE_TLS_CONTEXT_STRUCT_H
#define SSE_TLS_CONTEXT_STRUCT_H

#include <openssl/ssl.h>

#include "counters.h"
#include "options.h"
#include "tickets.h"

struct sse_tls_context {
    sse_tls_options options; /* identities and texts are copies */
    SSL_CTX **served;        /* one for each identity, in the same order */
    BIO_METHOD *socket;      /* of socket_bio.h, for each connection */
    sse_tls_tickets tickets;
    sse_tls_counters count;
    size_t handshaking; /* handshakes under way */
    size_t most;        /* most of them at once since memory was given back to the system */
    bool crowded;       /* memory is to be given back once more when no handshake is under way */
};

#endif
