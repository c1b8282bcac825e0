/* random.h: bytes that nobody can guess, from the system's random source. */
#ifndef SSE_BASE_RANDOM_H
#define SSE_BASE_RANDOM_H

#include <stddef.h>

/* Fills `count` bytes at `to`. SSE_OK, or SSE_ESYS where the system has no random source. */
int sse_random_bytes(void *to, size_t count);

#endif
