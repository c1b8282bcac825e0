/* hash.h: a keyed hash of bytes (SipHash-1-3). Without the seed nobody can choose bytes whose
 * hashes collide. The caller draws the seed: this wing has no source of random bytes. */
#ifndef SSE_WIRE_HASH_H
#define SSE_WIRE_HASH_H

#include "slice.h"

typedef struct sse_hash_seed {
    uint64_t k[2];
} sse_hash_seed;

uint64_t sse_hash(const sse_hash_seed *seed, sse_slice bytes);

#endif
