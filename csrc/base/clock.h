/* clock.h: the monotonic clock that the loop and its deferred calls read. */
#ifndef SSE_BASE_CLOCK_H
#define SSE_BASE_CLOCK_H

#include <stdint.h>

/* Microseconds from some moment in the past on. */
uint64_t sse_clock_us(void);

#endif
