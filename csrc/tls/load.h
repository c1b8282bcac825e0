/* load.h: the options of TLS into an SSL_CTX: certificates, versions, ciphers, authorities. */
#ifndef SSE_TLS_LOAD_H
#define SSE_TLS_LOAD_H

#include <openssl/ssl.h>

#include "options.h"

/* Sets up `made` as the options say for one of their certificates. Reads the files. SSE_ECERT: a
 * file that can't be read or used; SSE_EINVAL: min_version, ciphers; SSE_ENOMEM; message (of size
 * bytes) names the option and says what OpenSSL said. */
int sse_tls_load(const sse_tls_options *options, const sse_tls_identity *id, SSL_CTX *made,
                 char *message, size_t size);

/* What OpenSSL says about the failure of the call before: a static text. */
const char *sse_tls_why(void);

#endif
