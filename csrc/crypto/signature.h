/* signature.h: signatures by a key (RFC 7518 section 3, RFC 8037). */
#ifndef SSE_CRYPTO_SIGNATURE_H
#define SSE_CRYPTO_SIGNATURE_H

#include "key.h"

#define SSE_MAX_SIGNATURE (SSE_MAX_RSA_BITS / 8) /* bytes */

/* Signs; the signature has at most SSE_MAX_SIGNATURE bytes. SSE_ESTATE: the key can't sign;
 * SSE_ENOMEM, also for whatever else OpenSSL fails by. */
int sse_signature_make(const sse_key *key, sse_slice data, unsigned char *out, size_t *len);

/* SSE_OK: the signature is that of the data; SSE_EACCES: it is not, or that could not be found out.
 * One by a secret is compared in a time that does not depend on where it differs. */
int sse_signature_check(const sse_key *key, sse_slice data, sse_slice signature);

/* Whether the bytes are the same. Takes as long whether they differ early or late. */
bool sse_same_bytes(sse_slice a, sse_slice b);

#endif
