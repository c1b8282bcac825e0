/* load.h: sets up an SSL_CTX as the options say: certificate, versions, ciphers, authorities. */
#ifndef SSE_TLS_LOAD_H
#define SSE_TLS_LOAD_H

#include <openssl/ssl.h>

#include "options.h"

/* Reads the files of the certificate `id` and of the options into `ctx`. Errors and message as
 * those of sse_tls_context_new. */
int sse_tls_load_certificate(const sse_tls_options *options, const sse_tls_identity *id,
                             SSL_CTX *ctx, char *message, size_t size);

/* What OpenSSL says about the failed call before: a text that is valid until the next call. */
const char *sse_tls_error_text(void);

#endif
