/* decimal.h: numbers from JSON's text and to it, exactly and without the locale. */
#ifndef SSE_WIRE_DECIMAL_H
#define SSE_WIRE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

#define SSE_NUMBER_MAX 32 /* bytes that a caller of sse_number_write_... has room for */

enum sse_number_kind {
    SSE_NUMBER_NONE,    /* no number by RFC 8259, section 6 */
    SSE_NUMBER_INTEGER, /* no fraction, no exponent, and the value fits 64 bits */
    SSE_NUMBER_DOUBLE,
    SSE_NUMBER_RANGE /* a number that rounds to infinity; `real` is that infinity */
};

typedef struct sse_number {
    enum sse_number_kind kind;
    int64_t integer; /* of SSE_NUMBER_INTEGER, else 0 */
    double real;     /* of SSE_NUMBER_DOUBLE and SSE_NUMBER_RANGE, else 0 */
} sse_number;

/* Reads the number that begins at `text`, and returns the byte behind it. For SSE_NUMBER_NONE it
 * returns the byte where a number would have had to go on otherwise (`end` if the text ends there).
 * What follows a number is up to the caller, but a digit behind a leading zero is no number.
 *
 * A double is the one nearest to the text, of two equally near ones the even one, for any number of
 * digits; the time is linear in them. Too small a number is 0 or -0, and "-0" is the double -0.0,
 * since no integer has that value. */
const char *sse_number_read(const char *text, const char *end, sse_number *out);

/* Writes the shortest decimal that reads back as an equal number (of several, the nearest), and
 * returns its length. `value` is finite. Whole numbers below 1e17 are written as the integers that
 * they are, with all digits; others have an exponent below 1e-4 and from 1e17 on. -0.0 is "-0". No
 * number becomes longer than by printf's "%.17g". */
size_t sse_number_write_double(char *out, double value);
size_t sse_number_write_integer(char *out, int64_t value);

#endif
