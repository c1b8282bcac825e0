/* clock.h: the time and the randomness of a fuzz target that runs the socket floor. The objects it
 * is linked with are compiled with clock_gettime and evutil_secure_rng_get_bytes renamed to these,
 * and without csrc/base/random.c, so that an input does the same in every run. */
#ifndef SSE_FUZZ_CLOCK_H
#define SSE_FUZZ_CLOCK_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Time and randomness begin anew, for the next input. */
void sse_fuzz_restart(void);

/* The time goes on by ms. It goes on by a microsecond with every look, too. */
void sse_fuzz_pass(uint64_t ms);

int sse_fuzz_clock(clockid_t id, struct timespec *out);
void sse_fuzz_random(void *out, size_t len);

#endif
