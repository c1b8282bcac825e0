/* pkey.h: OpenSSL's keys of the members of a JSON Web Key. */
#ifndef SSE_CRYPTO_PKEY_H
#define SSE_CRYPTO_PKEY_H

#include <openssl/evp.h>

#include "jwk.h"

/* Each returns a new key; private where jwk->d is present. NULL: *why says what is wrong; where
 * there is no memory, *why stays as it is. */
EVP_PKEY *sse_pkey_of_rsa(const sse_jwk *jwk, const char **why);
EVP_PKEY *sse_pkey_of_p256(const sse_jwk *jwk, const char **why);
EVP_PKEY *sse_pkey_of_ed25519(const sse_jwk *jwk, const char **why);

#endif
