/* hash.h: a keyed hash of bytes (SipHash-1-3). Who does not know the seed cannot choose bytes whose
 * hashes collide. The seed is drawn by whoever owns the table: this floor has no random source. */
#ifndef SSE_WIRE_HASH_H
#define SSE_WIRE_HASH_H

#include "slice.h"

typedef struct sse_hash_seed {
    uint64_t k[2];
} sse_hash_seed;

uint64_t sse_hash(const sse_hash_seed *seed, sse_slice bytes);

#endif
