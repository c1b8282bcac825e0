/* jws.h: signed tokens in three parts (RFC 7515, compact serialization), as JSON Web Tokens are. No
 * function allocates anything but what OpenSSL does. */
#ifndef SSE_CRYPTO_JWS_H
#define SSE_CRYPTO_JWS_H

#include "key.h"

#define SSE_MAX_TOKEN ((size_t)64 << 10) /* bytes */

typedef struct sse_jws {
    sse_slice signed_part;                /* of the token: header and payload, as they came */
    sse_slice header, payload, signature; /* decoded */
    sse_slice algorithm;                  /* what the header says */
    sse_slice kid;                        /* the same; absent if it says nothing */
} sse_jws;

/* The bytes that sse_jws_read needs for a token of that length. */
static inline size_t sse_jws_room(size_t len)
{
    return 2 * len + 16;
}

/* Takes a token apart, into `room`, whose bytes the slices point to. Nothing is verified: neither
 * the signature nor that the payload is JSON. SSE_EINVAL: it is no such token, or its header asks
 * for what is not known here; SSE_ETOOBIG. *why is a static text then. */
int sse_jws_read(sse_slice token, char *room, sse_jws *out, const char **why);

/* Verifies the signature. The key decides by which algorithm, and the token has to say the same.
 * SSE_EACCES: it says another, or the signature is not the key's; *why says which. */
int sse_jws_verify(const sse_jws *jws, const sse_key *key, const char **why);

/* Checks a payload that is to be a token's claims: an object whose names differ, and the types of
 * the claims of RFC 7519. `room` has payload.len bytes. Errors as sse_jws_read. */
int sse_claims_check(sse_slice payload, char *room, const char **why);

#endif
