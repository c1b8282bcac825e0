/* jwk.h: the members of a JSON Web Key, and how large an RSA key may be. */
#ifndef SSE_CRYPTO_JWK_H
#define SSE_CRYPTO_JWK_H

#include "../wire/slice.h"

#define SSE_MIN_RSA_BITS 2048  /* RFC 7518 section 3.3 */
#define SSE_MAX_RSA_BITS 16384 /* OpenSSL verifies with no larger one */

/* The members of a JSON Web Key (RFC 7517), as they stand in it; absent ones are absent slices. */
typedef struct sse_jwk {
    sse_slice kty, crv;
    sse_slice k;                      /* of "oct" */
    sse_slice n, e, p, q, dp, dq, qi; /* of "RSA", with d */
    sse_slice x, y;                   /* of "EC" and "OKP", with d */
    sse_slice d;                      /* absent: a public key */
} sse_jwk;

#endif
