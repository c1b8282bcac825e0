/* decimal_test.c: wire/decimal beside the C library's strtod and printf, which round correctly on
 * the systems that this is run on: SSE_DECIMAL_RUNS (100,000) random doubles, decimals of up to 900
 * digits, the middles between doubles, integers. Then once more where the decimal point is a
 * comma. */
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../csrc/wire/decimal.h"

#define MAX_TEXT 4096

#define CHECK(condition) \
    do { \
        if (!(condition)) \
            fail(#condition, __LINE__); \
    } while (0)

static char text[MAX_TEXT];

static void fail(const char *what, int line)
{
    fprintf(stderr, "decimal_test.c:%d: %s: %s\n", line, text, what);
    exit(1);
}

static uint64_t random_bits(void)
{
    static uint64_t x = 88172645463325252u; /* xorshift: the same numbers in every run */

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x * 2685821657736338717u;
}

static int below(int n)
{
    return (int)(random_bits() >> 33) % n;
}

static uint64_t bits_of(double value)
{
    uint64_t bits = 0;

    memcpy(&bits, &value, sizeof(bits));
    return bits;
}

static double double_of(uint64_t bits)
{
    double value = 0;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Reads all of `text`, from a block of exactly its size, where a sanitizer sees a read past it. */
static sse_number read_number(void)
{
    size_t len = strlen(text);
    char *copy = malloc(len + !len);
    sse_number n;

    CHECK(copy);
    memcpy(copy, text, len);
    CHECK(sse_number_read(copy, copy + len, &n) == copy + len);
    free(copy);
    return n;
}

/* The text reads as `expected`, or as the integer of that value. */
static void reads_as(double expected)
{
    sse_number n = read_number();

    if (isinf(expected)) {
        CHECK(n.kind == SSE_NUMBER_RANGE && n.real == expected);
    } else if (n.kind == SSE_NUMBER_INTEGER) {
        CHECK(n.real == 0 && (double)n.integer == expected);
    } else {
        CHECK(n.kind == SSE_NUMBER_DOUBLE && n.integer == 0);
        CHECK(bits_of(n.real) == bits_of(expected));
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

static size_t write_text(double value)
{
    char longest[64];
    size_t len = 0;

    memset(text, '#', SSE_NUMBER_MAX + 1);
    len = sse_number_write_double(text, value);
    CHECK(len <= SSE_NUMBER_MAX && text[SSE_NUMBER_MAX] == '#');
    CHECK(len <= (size_t)snprintf(longest, sizeof(longest), "%.17g", value));
    text[len] = '\0';
    return len;
}

/* The significant digits of `from`, without zeros at the ends; returns their number. */
static int digits_of(const char *from, char *out)
{
    int count = 0;

    for (; *from && *from != 'e'; from++)
        if (*from >= '0' && *from <= '9' && (count || *from != '0'))
            out[count++] = *from;
    while (count > 1 && out[count - 1] == '0')
        count--;
    out[count] = '\0';
    return count;
}

/* What is written reads back. Unless it is an integer, which has all its digits, no shorter decimal
 * does, and none of this length is nearer. */
static void check_written(double value)
{
    char digits[64], nearest[64], other[64];
    int count = 0;
    sse_number n;

    write_text(value);
    CHECK(bits_of(strtod(text, NULL)) == bits_of(value));
    n = read_number();
    if (n.kind == SSE_NUMBER_INTEGER)
        CHECK((double)n.integer == value && (n.integer == (int64_t)value));
    else
        CHECK(n.kind == SSE_NUMBER_DOUBLE && bits_of(n.real) == bits_of(value));
    if (n.kind == SSE_NUMBER_INTEGER)
        return;
    count = digits_of(text, digits);
    snprintf(nearest, sizeof(nearest), "%.*e", count - 1, value);
    if (strtod(nearest, NULL) == value) { /* else a power of two, where they lie uneven */
        digits_of(nearest, other);
        CHECK(!strcmp(digits, other));
    }
    if (count > 1) {
        snprintf(nearest, sizeof(nearest), "%.*e", count - 2, value);
        CHECK(strtod(nearest, NULL) != value);
    }
}

/* --- reading ---------------------------------------------------------------------------------- */

static void check_read(double value)
{
    snprintf(text, sizeof(text), "%.17g", value);
    reads_as(value);
    snprintf(text, sizeof(text), "%.*e", below(30), value);
    reads_as(strtod(text, NULL));
    if (fabs(value) < 1e300 && fabs(value) > 1e-300) {
        snprintf(text, sizeof(text), "%.*f", below(40), value);
        reads_as(strtod(text, NULL));
    }
}

static char *put_digits(char *p, int count)
{
    while (count-- > 0)
        *p++ = (char)('0' + below(10));
    return p;
}

/* Random digits, mostly few, with the point anywhere and an exponent. */
static void check_random_text(void)
{
    char *p = text;
    int most = below(8) ? 25 : 900, whole = below(most), fraction = below(most);

    if (below(2))
        *p++ = '-';
    if (whole && below(4)) {
        *p++ = (char)('1' + below(9));
        p = put_digits(p, whole - 1);
    } else {
        *p++ = '0';
    }
    if (fraction && below(4)) {
        *p++ = '.';
        for (int zeros = below(8) ? 0 : below(400); zeros > 0; zeros--)
            *p++ = '0';
        p = put_digits(p, fraction);
    }
    *p = '\0';
    if (below(4))
        sprintf(p, below(2) ? "e%d" : "E%+d", below(700) - 350 - (below(2) ? whole : 0));
    if (!strcmp(text, "-0"))
        return;
    reads_as(strtod(text, NULL));
}

/* --- the middles between doubles -------------------------------------------------------------- */

/* Writes (2 * mantissa + 1) * 2^twos, all digits, as 0.DIGITSeEXPONENT; returns EXPONENT. */
static int middle_digits(uint64_t mantissa, int twos, char digits[1200])
{
    unsigned char reversed[1200] = { 0 };
    int count = 0, fives = 0;

    for (uint64_t left = 2 * mantissa + 1; left; left /= 10)
        reversed[count++] = left % 10;
    for (; twos != 0; twos += twos < 0 ? 1 : -1) { /* a half is five tenths */
        int factor = twos < 0 ? 5 : 2, carry = 0;

        fives += twos < 0;
        for (int i = 0; i < count; i++) {
            carry += reversed[i] * factor;
            reversed[i] = (unsigned char)(carry % 10);
            carry /= 10;
        }
        if (carry)
            reversed[count++] = (unsigned char)carry;
    }
    for (int i = 0; i < count; i++)
        digits[i] = (char)('0' + reversed[count - 1 - i]);
    digits[count] = '\0';
    return count - fives;
}

/* The middle between a double and the next, and numbers just below and above it. */
static void check_middle(uint64_t bits)
{
    int biased = (int)(bits >> 52);
    uint64_t mantissa = (bits & (((uint64_t)1 << 52) - 1)) | (uint64_t)(biased > 0) << 52;
    double down = double_of(bits), up = double_of(bits + 1);
    char digits[1200];
    int exponent = middle_digits(mantissa, (biased ? biased : 1) - 1076, digits);
    size_t last = strlen(digits) - 1;

    while (digits[last] == '0')
        digits[last--] = '\0';
    snprintf(text, sizeof(text), "0.%se%d", digits, exponent);
    reads_as(bits & 1 ? up : down);
    snprintf(text, sizeof(text), "%c.%s0e%d", *digits, digits + 1, exponent - 1);
    reads_as(bits & 1 ? up : down);
    snprintf(text, sizeof(text), "0.%s%01200d1e%d", digits, 0, exponent);
    reads_as(up);
    digits[last]--;
    snprintf(text, sizeof(text), "0.%s%se%d", digits, "99999999999999999999999999999", exponent);
    reads_as(down);
    snprintf(text, sizeof(text), "0.%s%se%d", digits, "3", exponent);
    reads_as(last < 18 ? strtod(text, NULL) : down);
}

static void check_middles(int runs)
{
    const uint64_t top = (uint64_t)0x7FF << 52;

    for (uint64_t i = 0; i < 4; i++) {
        check_middle(i);
        check_middle(top - 1 - i); /* the largest double and infinity have a middle, too */
        check_middle(((uint64_t)1 << 52) + i - 2);
        check_middle(bits_of(1.0) + i - 2);
    }
    for (int i = 0; i < runs; i++) {
        check_middle(random_bits() % top);
        check_middle(bits_of(1.0) + ((random_bits() % 200) << 52) + (random_bits() >> 12));
    }
}

/* --- integers --------------------------------------------------------------------------------- */

static void check_integer(int64_t value)
{
    char expected[32];
    size_t len = 0;
    sse_number n;

    snprintf(expected, sizeof(expected), "%" PRId64, value);
    memset(text, '#', SSE_NUMBER_MAX + 1);
    len = sse_number_write_integer(text, value);
    CHECK(len == strlen(expected) && !memcmp(text, expected, len) && text[len] == '#');
    text[len] = '\0';
    n = read_number();
    CHECK(n.kind == SSE_NUMBER_INTEGER && n.integer == value && n.real == 0);
}

static void check_integers(int runs)
{
    uint64_t ten = 1;

    for (int bit = 0; bit < 64; bit++)
        for (int i = -2; i <= 2; i++) {
            check_integer((int64_t)(((uint64_t)1 << bit) + (uint64_t)i));
            check_integer((int64_t)(0 - ((uint64_t)1 << bit) + (uint64_t)i));
        }
    for (int i = 0; i < 19; i++, ten *= 10)
        for (int j = -2; j <= 2; j++) {
            check_integer((int64_t)(ten + (uint64_t)j));
            check_integer((int64_t)(0 - ten + (uint64_t)j));
        }
    for (int i = 0; i < runs; i++)
        check_integer((int64_t)(random_bits() >> below(64)));
}

/* Whole numbers whatever their size, since their layout depends on it. */
static double random_whole(void)
{
    return ldexp((double)(random_bits() >> 11 >> below(53)), below(2) ? 0 : below(30));
}

static void check_all(int runs)
{
    check_integers(runs);
    check_middles(200 + runs / 1000);
    for (int biased = 0; biased < 0x7FF; biased++)
        for (int i = -2; i <= 2; i++) {
            double value = double_of((((uint64_t)biased << 52) + (uint64_t)i) & INT64_MAX);

            if (!isfinite(value))
                continue;
            check_written(value);
            check_written(-value);
            check_read(value);
        }
    for (int i = 0; i < runs; i++) {
        double value = double_of(random_bits());

        if (isfinite(value)) {
            check_written(value);
            check_read(value);
        }
        check_written(random_whole());
        check_written((double)below(1000000) / 1000);
        check_written(double_of(random_bits() >> 12 >> below(52))); /* too small to be normal */
        check_random_text();
    }
}

/* Without the C library, whose numbers have a comma in some locales. */
static void check_without_library(void)
{
    strcpy(text, "1.5e-2");
    reads_as(3.0 / 200);
    /* The middle below the smallest normal double lies between these. */
    strcpy(text, "2.22507385850720113605740979670913197593481954635164564e-308");
    reads_as(0x0.fffffffffffffp-1022);
    strcpy(text, "2.22507385850720113605740979670913197593481954635164565e-308");
    reads_as(0x1p-1022);
    write_text(-1234.5);
    CHECK(!strcmp(text, "-1234.5"));
    write_text(1.0 / 3);
    CHECK(!strcmp(text, "0.3333333333333333"));
}

int main(void)
{
    static const char *const names[] = { "de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8" };
    const char *wanted = getenv("SSE_DECIMAL_RUNS");
    int runs = wanted ? atoi(wanted) : 100000;
    bool comma = false;

    check_all(runs);
    check_without_library();
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !comma; i++)
        comma = setlocale(LC_ALL, names[i]) && *localeconv()->decimal_point == ',';
    check_without_library();
    printf("decimal        %d random doubles, integers and texts, as strtod has them%s\n", runs,
           comma ? "; with a decimal comma" : "");
    return 0;
}
