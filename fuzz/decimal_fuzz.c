/* decimal_fuzz.c: a number is read as a plain reader of the grammar and strtod read it, and what is
 * written of it reads back. Input: any text. */
#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../csrc/wire/decimal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static const char *digits(const char *p)
{
    const char *from = p;

    while (isdigit((unsigned char)*p))
        p++;
    return p > from ? p : NULL;
}

/* Returns the byte behind the number of RFC 8259 that begins at a text which ends with NUL; or
 * NULL. *whole: it has no fraction and no exponent. */
static const char *end_of_number(const char *p, bool *whole)
{
    const char *from = p + (*p == '-');

    p = digits(from);
    *whole = true;
    if (!p || (*from == '0' && p > from + 1))
        return NULL;
    if (*p == '.') {
        *whole = false;
        p = digits(p + 1);
        if (!p)
            return NULL;
    }
    if (*p == 'e' || *p == 'E') {
        *whole = false;
        p++;
        p = digits(p + (*p == '-' || *p == '+'));
    }
    return p;
}

static void must_read_back(double value)
{
    char out[SSE_NUMBER_MAX];
    size_t len = sse_number_write_double(out, value);
    sse_number n;

    must(sse_number_read(out, out + len, &n) == out + len);
    must(n.kind == SSE_NUMBER_INTEGER ? (double)n.integer == value && n.integer == (int64_t)value
                                      : n.kind == SSE_NUMBER_DOUBLE && n.real == value);
    must(!signbit(n.kind == SSE_NUMBER_INTEGER ? (double)n.integer : n.real) == !signbit(value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *exact = malloc(size + !size);
    const char *next = NULL, *end = NULL;
    bool whole = false;
    double value = 0;
    sse_number n;

    if (!text || !exact)
        abort();
    memcpy(text, data, size);
    memcpy(exact, data, size);
    text[size] = '\0';
    next = sse_number_read(exact, exact + size, &n);
    end = end_of_number(text, &whole);
    must((n.kind == SSE_NUMBER_NONE) == (end == NULL));
    must(next >= exact && next <= exact + size);
    if (end) {
        must(end - text == next - exact);
        text[end - text] = '\0';
        value = strtod(text, NULL);
        must(n.kind == SSE_NUMBER_INTEGER || n.real == value);
        must((n.kind == SSE_NUMBER_RANGE) == !isfinite(value));
        if (n.kind == SSE_NUMBER_INTEGER)
            must(whole && n.integer == strtoll(text, NULL, 10) && (double)n.integer == value);
        if (n.kind == SSE_NUMBER_DOUBLE)
            must(!signbit(n.real) == !signbit(value));
    }
    if (size >= sizeof(value)) {
        memcpy(&value, data, sizeof(value));
        if (isfinite(value))
            must_read_back(value);
    }
    free(text);
    free(exact);
    return 0;
}
