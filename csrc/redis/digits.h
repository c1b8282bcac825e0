/* digits.h: a number's decimal digits. */
#ifndef SSE_REDIS_DIGITS_H
#define SSE_REDIS_DIGITS_H

#include <stddef.h>

#define MOST_DIGITS 20 /* of 64 bits */

/* Writes the digits; returns how many. */
static inline size_t write_digits(char *out, size_t number)
{
    char digits[MOST_DIGITS];
    size_t n = 0, len = 0;

    do {
        digits[n++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    while (n > 0)
        out[len++] = digits[--n];
    return len;
}

#endif
