/* scrypt.h: hashes a password slowly (scrypt, RFC 7914) in a thread of its own, since a hash takes
 * a tenth of a second, in which the loop goes on. A fork waits for the hashes that are being made.
 */
#ifndef SSE_CRYPTO_SCRYPT_H
#define SSE_CRYPTO_SCRYPT_H

#include "../wire/slice.h"

#define SSE_SCRYPT_MAX_MEMORY ((uint64_t)256 << 20) /* bytes: 128 * cost * block_size */
#define SSE_SCRYPT_MAX_SALT   64                    /* bytes */
#define SSE_SCRYPT_MAX_HASH   64                    /* bytes */

typedef struct sse_scrypt_options {
    sse_slice password, salt;
    uint64_t cost;                        /* N: a power of 2 */
    uint64_t block_size, parallelization; /* r, p */
    size_t size;                          /* bytes of the hash */
} sse_scrypt_options;

typedef struct sse_scrypt sse_scrypt;

/* Starts to hash; the password is copied. *fd can be read once the hash is there. SSE_EINVAL: wrong
 * options, or too much memory; SSE_ENOMEM; SSE_ESYS, SSE_EMFILE: no thread or no pipe. */
int sse_scrypt_start(const sse_scrypt_options *options, sse_scrypt **out, int *fd);

/* Writes the hash, for which it waits where it is not there yet. SSE_ENOMEM: it could not be made.
 */
int sse_scrypt_finish(sse_scrypt *s, unsigned char hash[SSE_SCRYPT_MAX_HASH]);

/* Frees, also while the thread runs, which then ends by itself. *fd is closed. NULL is allowed. */
void sse_scrypt_free(sse_scrypt *s);

#endif
