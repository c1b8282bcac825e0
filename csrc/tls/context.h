/* context.h: what all TLS connections of a server share: certificates by host name, versions,
 * ciphers, session tickets, ALPN, counters. */
#ifndef SSE_TLS_CONTEXT_H
#define SSE_TLS_CONTEXT_H

#include "counters.h"
#include "options.h"

typedef struct sse_tls_context sse_tls_context;

/* Reads the files of the options, which are copied. On failure `message` (of `size` bytes) names
 * the option and says what OpenSSL said. SSE_ECERT: a file can't be read or used; SSE_EINVAL:
 * min_version or ciphers; SSE_ESYS: no randomness; SSE_ENOMEM. */
int sse_tls_context_new(const sse_tls_options *options, sse_tls_context **out, char *message,
                        size_t size);

/* Every connection of the context must have been freed. NULL is allowed. */
void sse_tls_context_free(sse_tls_context *context);

/* Reads the files again, for connections accepted from now on; tickets stay valid. Errors as above;
 * then nothing has changed. */
int sse_tls_context_reload(sse_tls_context *context, char *message, size_t size);

const sse_tls_counters *sse_tls_context_counters(const sse_tls_context *context);

#endif
