/* key.h: keys for signatures. A key is for one algorithm, which its kind decides: a secret for
 * HS256, an RSA key for RS256, a key of the curve P-256 for ES256, one of Ed25519 for EdDSA. */
#ifndef SSE_CRYPTO_KEY_H
#define SSE_CRYPTO_KEY_H

#include "jwk.h"

#define SSE_MIN_SECRET 32 /* bytes of a secret: those of a SHA-256 (RFC 7518 section 3.2) */

typedef enum sse_algorithm { SSE_HS256, SSE_RS256, SSE_ES256, SSE_EDDSA } sse_algorithm;

struct evp_pkey_st; /* OpenSSL's EVP_PKEY */

typedef struct sse_key {
    sse_algorithm algorithm;
    bool can_sign;            /* false: a public key */
    struct evp_pkey_st *pkey; /* NULL for a secret */
    size_t secret_len;
    unsigned char secret[];
} sse_key;

/* The algorithm's name in a token's header: "RS256". */
const char *sse_algorithm_name(sse_algorithm algorithm);

/* Each makes a key, of which the caller becomes the owner. SSE_EINVAL: it is no key, or too weak a
 * one; SSE_ENOMEM. *why is a static text then, which says what was expected and what was wrong.
 *
 * A secret is any bytes, but not a key in PEM, one of ssh's, or a JSON Web Key: one that is public
 * would make everybody's signature valid. A PEM holds a public or a private key without a
 * passphrase. */
int sse_key_of_secret(sse_slice secret, sse_key **out, const char **why);
int sse_key_of_pem(sse_slice pem, sse_key **out, const char **why);
int sse_key_of_jwk(const sse_jwk *jwk, sse_key **out, const char **why);

/* Overwrites a secret and frees the key. NULL is allowed. */
void sse_key_free(sse_key *key);

/* Whether a text is a key in PEM. */
bool sse_key_is_pem(sse_slice text);

#endif
