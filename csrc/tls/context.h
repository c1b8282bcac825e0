/* context.h: what a server's TLS connections share: certificates by host name, versions,
 * ciphers, session tickets, ALPN, counters. Reads its files at birth and at each reload. */
#ifndef SSE_TLS_CONTEXT_H
#define SSE_TLS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../wire/slice.h"

typedef struct sse_tls_context sse_tls_context;

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

typedef struct sse_tls_counters {
    uint64_t handshakes, resumed; /* done, and how many of them by a ticket */
    uint64_t failures;            /* connections that ended before theirs was done */
} sse_tls_counters;

/* The options are copied. SSE_ECERT: a file that can't be read or used; SSE_EINVAL: min_version,
 * ciphers; SSE_ENOMEM; message (of size bytes) names the option and says what OpenSSL said. */
int sse_tls_context_new(const sse_tls_options *options, sse_tls_context **out, char *message,
                        size_t size);

/* Every connection must be gone. NULL is allowed. */
void sse_tls_context_free(sse_tls_context *context);

/* Reads the files again, for connections accepted from now on; tickets stay good. Errors as above:
 * nothing changed. */
int sse_tls_context_reload(sse_tls_context *context, char *message, size_t size);

const sse_tls_counters *sse_tls_context_counters(const sse_tls_context *context);

#endif
