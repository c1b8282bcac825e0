/* decimal_exact.h: compares a decimal number with a double by whole numbers of any size. */
#ifndef SSE_WIRE_DECIMAL_EXACT_H
#define SSE_WIRE_DECIMAL_EXACT_H

#include <stdint.h>

/* Says where a decimal number lies beside the middle between the double of these bits (positive or
 * 0) and the next larger one: negative below it, 0 at it, positive above it. The number is the
 * digits from `digits` to `end`, among which one '.' may be, times 10^exponent. It is at least the
 * double and at most two doubles further. The time is linear in the number of digits. */
int sse_decimal_compare_middle(const char *digits, const char *end, int64_t exponent,
                               uint64_t bits);

#endif
