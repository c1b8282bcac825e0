/* context.h: what the TLS connections of a listener share: certificates by host name, versions,
 * ciphers, session tickets, ALPN. A context is reference counted. */
#ifndef SSE_TLS_CONTEXT_H
#define SSE_TLS_CONTEXT_H

#include "counters.h"
#include "options.h"

typedef struct sse_tls_context sse_tls_context;

/* Reads the files of the options, which are copied. Handshakes are counted in `count`, which must
 * outlive the context. The caller owns a reference. On failure `message` (of `size` bytes) names
 * the option and says what OpenSSL said. SSE_ECERT: a file can't be read or used; SSE_EINVAL:
 * min_version or ciphers; SSE_ESYS: no randomness; SSE_ENOMEM. */
int sse_tls_context_new(const sse_tls_options *options, sse_tls_counters *count,
                        sse_tls_context **out, char *message, size_t size);

/* Takes a further reference; returns the context. */
sse_tls_context *sse_tls_context_ref(sse_tls_context *context);

/* Drops a reference; the last one frees the context. NULL is allowed. */
void sse_tls_context_unref(sse_tls_context *context);

/* Reads the files again, and keeps what they hold aside. Errors as above; then nothing has changed.
 */
int sse_tls_context_read(sse_tls_context *context, char *message, size_t size);

/* Uses what was kept aside, if anything was, for connections accepted from now on; tickets stay
 * valid. */
void sse_tls_context_use(sse_tls_context *context);

/* Frees what was kept aside, if anything was. */
void sse_tls_context_drop(sse_tls_context *context);

#endif
