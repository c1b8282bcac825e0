/* options.h: the options of a server's TLS. */
#ifndef SSE_TLS_OPTIONS_H
#define SSE_TLS_OPTIONS_H

#include <stddef.h>

#include "../wire/slice.h"

/* A certificate and its key: paths of PEM files. */
typedef struct sse_tls_identity {
    const char *label; /* name of the option, for messages: "tls", 'tls.names["b.example"]' */
    const char *name;  /* "b.example", or "*.b.example" for one more label; NULL: the first one */
    const char *cert;  /* the certificate; its chain may follow in the same file */
    const char *key;   /* NULL: in the same file */
    const char *chain; /* further certificates towards the root, or NULL */
} sse_tls_identity;

typedef struct sse_tls_options {
    const sse_tls_identity *identities; /* the first is for clients that name no host, or another
                                           one */
    size_t count;                       /* at least 1 */
    const char *min_version;            /* "1.2", "1.3"; NULL: "1.2" */
    const char *ciphers;   /* in OpenSSL's form; TLS_... are suites of TLS 1.3. NULL: see load.c */
    const char *client_ca; /* clients must show a certificate signed by these; NULL: none needed */
    sse_slice alpn;        /* protocols in order of preference, each after its length (RFC 7301) */
} sse_tls_options;

#endif
