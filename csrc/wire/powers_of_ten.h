/* powers_of_ten.h: powers of ten to 128 bits, and the multiplication that goes with them. */
#ifndef SSE_WIRE_POWERS_OF_TEN_H
#define SSE_WIRE_POWERS_OF_TEN_H

#include <stdbool.h>
#include <stdint.h>

#define SSE_POWER_MIN (-342)
#define SSE_POWER_MAX 324

/* The first 128 bits of 10^q: `high` has its highest bit set, and
 * 10^q = (high * 2^64 + low + rest) * 2^(sse_power_exponent(q) - 127), where 0 <= rest < 1. */
typedef struct sse_power {
    uint64_t high, low;
} sse_power;

extern const sse_power sse_powers_of_ten[SSE_POWER_MAX - SSE_POWER_MIN + 1];

/* q is from SSE_POWER_MIN to SSE_POWER_MAX. */
static inline sse_power sse_power_of_ten(int q)
{
    return sse_powers_of_ten[q - SSE_POWER_MIN];
}

/* Returns whether `rest` is 0: 5^55 is the largest power of five that fits 128 bits. */
static inline bool sse_power_is_exact(int q)
{
    return q >= 0 && q <= 55;
}

/* Returns the largest e with 2^e <= 10^q, for q from -1,000 to 1,000. */
static inline int sse_power_exponent(int q)
{
    return (q * 1741647) >> 19; /* 1741647 / 2^19 is a little more than log2(10) */
}

/* Returns the low 64 bits of a * b, and stores the high ones in *high. */
static inline uint64_t sse_multiply(uint64_t a, uint64_t b, uint64_t *high)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;

    *high = (uint64_t)(product >> 64);
    return (uint64_t)product;
#else
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t low = a0 * b0, middle = a1 * b0 + (low >> 32), other = a0 * b1 + (uint32_t)middle;

    *high = a1 * b1 + (middle >> 32) + (other >> 32);
    return other << 32 | (uint32_t)low;
#endif
}

#endif
