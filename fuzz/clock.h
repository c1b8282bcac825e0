/* clock.h: the clock and the random bytes of a fuzz target that runs a server. The library's
 * objects are compiled for such targets with clock_gettime and evutil_secure_rng_get_bytes renamed
 * to the functions below, and without csrc/base/random.c: an input does the same in every run. */
#ifndef SSE_FUZZ_CLOCK_H
#define SSE_FUZZ_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Sets clock and random bytes back to their beginning, for the next input. */
void sse_fuzz_restart(void);

/* Advances the clock. Each reading of the clock advances it by a microsecond, too. */
void sse_fuzz_advance(uint64_t ms);

int sse_fuzz_clock(clockid_t id, struct timespec *out);
void sse_fuzz_random(void *out, size_t len);

#endif
