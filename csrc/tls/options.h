/* options.h: what a server's TLS connections are to use. */
#ifndef SSE_TLS_OPTIONS_H
#define SSE_TLS_OPTIONS_H

#include <stddef.h>

#include "../wire/slice.h"

typedef struct sse_tls_identity { /* a certificate; paths of PEM files */
    const char *label;            /* its option's name for messages: "tls" */
    const char *name;             /* "b.example", "*.b.example" (one label); NULL: any other */
    const char *cert;             /* may hold its chain behind it */
    const char *key;              /* NULL: within cert */
    const char *chain;            /* further certificates towards the root, or NULL */
} sse_tls_identity;

typedef struct sse_tls_options {
    const sse_tls_identity *identities; /* the first is for clients that ask for no known name */
    size_t count;                       /* at least 1 */
    const char *min_version;            /* "1.2", "1.3"; NULL: "1.2" */
    const char *ciphers;   /* OpenSSL's list; TLS_... are suites of TLS 1.3. NULL: ours */
    const char *client_ca; /* clients must show a certificate that these signed; NULL: need not */
    sse_slice alpn;        /* protocols by preference, each behind its length */
} sse_tls_options;

#endif
