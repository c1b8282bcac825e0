/* context.h: what a server's TLS connections share: certificates by host name, versions,
 * ciphers, session tickets, ALPN, counters. Reads its files at birth and at each reload. */
#ifndef SSE_TLS_CONTEXT_H
#define SSE_TLS_CONTEXT_H

#include "counters.h"
#include "options.h"

typedef struct sse_tls_context sse_tls_context;

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
