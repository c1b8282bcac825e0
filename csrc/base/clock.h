/* clock.h: the monotonic clock that the loop and its deferred calls read, and the time of day. */
#ifndef SSE_BASE_CLOCK_H
#define SSE_BASE_CLOCK_H

#include <stdint.h>

/* Microseconds from some moment in the past on. */
uint64_t sse_clock_us(void);

/* Milliseconds since 1970 on the system's clock, which somebody may set at any time. */
uint64_t sse_clock_wall_ms(void);

#endif
