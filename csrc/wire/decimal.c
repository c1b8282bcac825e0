#include "decimal.h"

#include <float.h>
#include <stdbool.h>
#include <string.h>

#include "decimal_exact.h"
#include "powers_of_ten.h"

#define MANTISSA_BITS 52 /* that a double stores; a normal one has one more */
#define MANTISSA_MASK (((uint64_t)1 << MANTISSA_BITS) - 1)
#define SIGN_BIT      ((uint64_t)1 << 63)
#define INFINITY_BITS ((uint64_t)0x7FF << MANTISSA_BITS)
#define EXACT_MAX     ((uint64_t)1 << 53) /* all whole numbers up to here are doubles */
#define WHOLE_BOUND   1e17                /* whole numbers below are written as integers */
#define WORD_DIGITS   19                  /* any number of so many digits fits 64 bits */

static double double_of(uint64_t bits)
{
    double value = 0;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* --- reading: the text ------------------------------------------------------------------------ */

/* A number by RFC 8259, section 6. Its value is what stands from `digits` to `digits_end`, where a
 * '.' may be, times 10^exponent. */
typedef struct number_text {
    const char *digits, *digits_end;
    int64_t exponent;
    bool negative;
    uint64_t word;         /* the digits, or if there are too many, the first WORD_DIGITS from the
                            * first that is not 0 on */
    int64_t word_exponent; /* of the last digit in `word` */
    bool cut;              /* there are more digits than `word` has */
} number_text;

static bool is_digit(const char *at, const char *end)
{
    return at < end && (unsigned char)(*at - '0') < 10;
}

/* Takes eight digits at once: returns false, unless the eight bytes at `at` are digits. */
static bool read_eight(const char *at, uint64_t *word)
{
    const uint64_t each = 0x0101010101010101u;
    uint64_t bytes = 0;

    memcpy(&bytes, at, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    bytes ^= '0' * each;                                      /* a digit's byte is its value now */
    if ((bytes | (bytes + (0x80 - 10) * each)) & 0x80 * each) /* a byte is 10 or more */
        return false;
    bytes = (bytes * 10 + (bytes >> 8)) & 0x00FF00FF00FF00FFu; /* four numbers of two digits */
    bytes = (bytes * 100 + (bytes >> 16)) & 0x0000FFFF0000FFFFu;
    bytes = (bytes * 10000 + (bytes >> 32)) & 0xFFFFFFFFu;
    *word = *word * 100000000 + bytes;
    return true;
}

/* Adds digits to *word, which overflows if they are many, and returns the byte behind them. */
static const char *read_digits(const char *at, const char *end, uint64_t *word)
{
    for (; is_digit(at, end); at++)
        *word = *word * 10 + (uint64_t)(*at - '0');
    return at;
}

/* Returns the byte behind the exponent, or where there is no digit, NULL with *at the place. */
static const char *read_exponent(const char **at, const char *end, int64_t *exponent)
{
    const int64_t huge = (int64_t)1 << 60; /* more than any text has digits */
    const char *p = *at;
    bool negative = p < end && *p == '-';

    if (p < end && (*p == '-' || *p == '+'))
        p++;
    *at = p;
    if (!is_digit(p, end))
        return NULL;
    for (; is_digit(p, end); p++)
        if (*exponent < huge / 10)
            *exponent = *exponent * 10 + (*p - '0');
    if (negative)
        *exponent = -*exponent;
    return p;
}

/* Makes `word` and word_exponent of a text that has more than WORD_DIGITS digits. */
static void read_first_digits(number_text *n)
{
    int64_t behind_point = 0;
    const char *p = n->digits;
    bool fraction = false;
    int count = 0;

    for (n->word = 0; p < n->digits_end && count < WORD_DIGITS; p++) {
        if (*p == '.') {
            fraction = true;
            continue;
        }
        n->word = n->word * 10 + (uint64_t)(*p - '0');
        count += n->word > 0;
        behind_point += fraction;
    }
    n->word_exponent = n->exponent - behind_point;
    n->cut = p < n->digits_end;
    if (!fraction)
        for (; p < n->digits_end && *p != '.'; p++)
            n->word_exponent++;
}

/* --- reading: the nearest double -------------------------------------------------------------- */

/* Where a number lies between two neighboring doubles. */
typedef enum place { BELOW_MIDDLE, AT_MIDDLE, ABOVE_MIDDLE, UNCERTAIN } place;

/* Says where a number lies that is cut to fewer bits. What is cut off is `rest`, whose middle is
 * `half`, with the bits of words[1] and then words[0] behind it, plus something less than `slack`
 * in units of words[0]. With `slack` 0 it is exactly what the words are. */
static place place_of(uint64_t rest, uint64_t half, const uint64_t words[2], uint64_t slack)
{
    if (rest == half - 1 && words[1] == UINT64_MAX && words[0] + slack < slack)
        return UNCERTAIN;
    if (rest < half)
        return BELOW_MIDDLE;
    return rest > half || words[1] || words[0] || slack ? ABOVE_MIDDLE : AT_MIDDLE;
}

/* Finds the largest double that is not above word * 10^exponent, and where this value lies between
 * the double and the next. `word` is not 0, exponent is from SSE_POWER_MIN to 308. (The idea is
 * Eisel's and Lemire's, "Number Parsing at a Gigabyte per Second"; the bounds are our own.) */
static uint64_t round_down(uint64_t word, int exponent, place *where)
{
    sse_power power = sse_power_of_ten(exponent);
    int zeros = __builtin_clzll(word), upper = 0, biased = 0, shift = 0;
    uint64_t words[3] = { 0 }, low_high = 0, slack = 0, half = 0;

    /* The product of the word, shifted to the top, and the power: words[2] is the highest. The
     * power lacks less than 1, so the product lacks less than the word. */
    word <<= zeros;
    words[0] = sse_multiply(word, power.low, &low_high);
    words[1] = sse_multiply(word, power.high, &words[2]);
    words[1] += low_high;
    words[2] += words[1] < low_high;
    slack = sse_power_is_exact(exponent) ? 0 : word;
    /* A mantissa is the product's first 53 bits, fewer below the smallest normal double. */
    upper = (int)(words[2] >> 63);
    biased = 1023 + 63 + upper - zeros + sse_power_exponent(exponent);
    shift = 10 + upper + (biased < 1 ? 1 - biased : 0);
    if (shift > 64) { /* less than half of the smallest double, but for what the product lacks */
        *where = words[2] == UINT64_MAX ? UNCERTAIN : BELOW_MIDDLE;
        return 0;
    }
    half = (uint64_t)1 << (shift - 1);
    *where = place_of(words[2] & (half | (half - 1)), half, words, slack);
    return ((uint64_t)(biased < 1 ? 0 : biased - 1) << MANTISSA_BITS) +
           (words[2] >> 1 >> (shift - 1));
}

/* Returns the bits of the double that is nearest to the middle's side `where` of `down`. */
static uint64_t round_to(uint64_t down, place where)
{
    return down + (where == ABOVE_MIDDLE || (where == AT_MIDDLE && down & 1));
}

/* Returns the bits of the double that is nearest to the number, whose sign doesn't count. */
static uint64_t nearest_double(const number_text *n)
{
    place where = AT_MIDDLE, next_where = AT_MIDDLE;
    uint64_t down = 0, next_down = 0;
    int exponent = 0, side = 0;

    if (!n->word || n->word_exponent < SSE_POWER_MIN) /* 10^19 * 10^-343 is below half of 5e-324 */
        return 0;
    if (n->word_exponent > DBL_MAX_10_EXP)
        return INFINITY_BITS;
    exponent = (int)n->word_exponent;
    down = round_down(n->word, exponent, &where);
    if (down >= INFINITY_BITS)
        return INFINITY_BITS;
    if (!n->cut && where != UNCERTAIN)
        return round_to(down, where);
    if (n->cut && where != UNCERTAIN) {
        next_down = round_down(n->word + 1, exponent, &next_where);
        if (next_where != UNCERTAIN && round_to(down, where) == round_to(next_down, next_where))
            return round_to(down, where);
    }
    side = sse_decimal_compare_middle(n->digits, n->digits_end, n->exponent, down);
    return round_to(down, side < 0 ? BELOW_MIDDLE : side > 0 ? ABOVE_MIDDLE : AT_MIDDLE);
}

/* With up to 15 digits and a small exponent, one operation on two exact doubles rounds once, and so
 * correctly. (Clinger, "How to Read Floating Point Numbers Accurately") */
static bool is_simple(const number_text *n)
{
    return FLT_EVAL_METHOD == 0 && !n->cut && n->word <= EXACT_MAX && n->word_exponent >= -22 &&
           n->word_exponent <= 22;
}

static double simple_double(const number_text *n)
{
    static const double powers[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    double value = (double)n->word;

    if (n->word_exponent < 0)
        value /= powers[-n->word_exponent];
    else
        value *= powers[n->word_exponent];
    return n->negative ? -value : value;
}

static void set_double(const number_text *n, sse_number *out)
{
    out->kind = SSE_NUMBER_DOUBLE;
    if (is_simple(n)) {
        out->real = simple_double(n);
        return;
    }
    out->real = double_of(nearest_double(n) | (n->negative ? SIGN_BIT : 0));
    if (out->real - out->real != 0) /* infinity */
        out->kind = SSE_NUMBER_RANGE;
}

/* Sets *out to the integer `word`, if that is one of 64 bits. "-0" is none. */
static bool set_integer(uint64_t word, bool negative, sse_number *out)
{
    if (word > (uint64_t)INT64_MAX + negative || (negative && !word))
        return false;
    out->kind = SSE_NUMBER_INTEGER;
    out->integer = negative ? (int64_t)(0 - word) : (int64_t)word;
    return true;
}

/* Reads the rest of a number that is no integer, from the byte behind the digits before its point.
 */
static __attribute__((noinline)) const char *read_rest(number_text *n, const char *p,
                                                       const char *end, sse_number *out)
{
    int64_t digits = p - n->digits;

    if (p < end && *p == '.') {
        const char *point = ++p;

        while (end - p >= 8 && read_eight(p, &n->word))
            p += 8;
        p = read_digits(p, end, &n->word);
        if (p == point)
            return p;
        digits += p - point;
        n->word_exponent = point - p;
    }
    n->digits_end = p;
    if (p < end && (*p | 0x20) == 'e') {
        const char *wrong = ++p;

        p = read_exponent(&wrong, end, &n->exponent);
        if (!p)
            return wrong;
        n->word_exponent += n->exponent;
    }
    if (digits > WORD_DIGITS)
        read_first_digits(n);
    set_double(n, out);
    return p;
}

const char *sse_number_read(const char *text, const char *end, sse_number *out)
{
    bool negative = text < end && *text == '-';
    const char *digits = text + negative, *p = digits;
    uint64_t word = 0;

    *out = (sse_number){ .kind = SSE_NUMBER_NONE };
    p = read_digits(p, end, &word);
    if (p == digits || (p - digits > 1 && *digits == '0'))
        return digits + (p > digits);
    if (p - digits <= WORD_DIGITS && (p == end || (*p != '.' && (*p | 0x20) != 'e')) &&
        set_integer(word, negative, out))
        return p;
    return read_rest(&(number_text){ .digits = digits, .negative = negative, .word = word }, p, end,
                     out);
}

/* --- writing ---------------------------------------------------------------------------------- */

static const char pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
    "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
    "8081828384858687888990919293949596979899";

static int count_digits(uint64_t number)
{
    int count = 1;

    for (; number >= 10000; number /= 10000)
        count += 4;
    return count + (number >= 10) + (number >= 100) + (number >= 1000);
}

/* Writes `count` digits, which is what the number has. */
static void write_digits(char *out, uint64_t number, int count)
{
    for (out += count; count > 1; count -= 2, number /= 100) {
        out -= 2;
        memcpy(out, pairs + 2 * (number % 100), 2);
    }
    if (count)
        out[-1] = (char)('0' + number);
}

size_t sse_number_write_integer(char *out, int64_t value)
{
    uint64_t number = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    int count = count_digits(number);

    *out = '-';
    write_digits(out + (value < 0), number, count);
    return (size_t)count + (value < 0);
}

/* digits * 10^exponent; the last digit is not 0. */
typedef struct decimal {
    uint64_t digits;
    int exponent;
} decimal;

/* Returns the first 64 bits of power * number, in a product of 192 bits; the lowest bit is also set
 * if bits behind these are. Such a result compares with even numbers as the whole product would.
 *
 * The power is too large by at most 1, and the number has less than 60 bits. So the bits behind are
 * below 2^60 where the true ones are 0. Where the true ones are not, they are above 2^62, for any
 * number and power that shortest_of brings together. (By the continued fractions of all of these,
 * 2^62.5 is the least.) */
static uint64_t multiply_to_odd(sse_power power, uint64_t number)
{
    uint64_t high = 0, low_high = 0;
    uint64_t low = sse_multiply(power.low, number, &low_high);
    uint64_t middle = sse_multiply(power.high, number, &high);

    middle += low_high;
    high += middle < low_high;
    return high | (middle || low >> 60);
}

/* Finds the shortest decimal that is nearer to a double (positive, and not infinite) than to any
 * other one, or as near as to an odd one; of several the nearest. (Giulietti, "The Schubfach way to
 * render doubles") */
static decimal shortest_of(uint64_t bits)
{
    int biased = (int)(bits >> MANTISSA_BITS), twos = (biased ? biased : 1) - 1075;
    uint64_t mantissa = (bits & MANTISSA_MASK) | (uint64_t)(biased > 0) << MANTISSA_BITS;
    /* Below a power of two the doubles are twice as dense. */
    bool dense_below = !(bits & MANTISSA_MASK) && biased > 1, odd = mantissa & 1;
    /* 10^tens is the largest power of ten that is not above the distance of the two middles next to
     * the double: the factors are log10(2) and log10(3/4), times 2^22. */
    int tens = (twos * 1262611 - (dense_below ? 524031 : 0)) >> 22;
    int shift = twos + sse_power_exponent(-tens) + 1;
    sse_power power = sse_power_of_ten(-tens);
    uint64_t lower = 0, value = 0, upper = 0, whole = 0, ten = 0;
    bool low_fits = false, high_fits = false;

    power.low += !sse_power_is_exact(-tens); /* no entry's low word is UINT64_MAX */
    /* All in quarters of 10^tens: the double, and the bounds of what reads back as it. */
    lower = multiply_to_odd(power, (4 * mantissa - 2 + dense_below) << shift) + odd;
    value = multiply_to_odd(power, 4 * mantissa << shift);
    upper = multiply_to_odd(power, (4 * mantissa + 2) << shift) - odd;
    whole = value / 4;
    ten = whole / 10;
    /* At most one multiple of 10^(tens + 1) lies within the bounds. */
    low_fits = lower <= 40 * ten;
    high_fits = 40 * ten + 40 <= upper;
    if (low_fits != high_fits)
        return (decimal){ ten + high_fits, tens + 1 };
    low_fits = lower <= 4 * whole;
    high_fits = 4 * whole + 4 <= upper;
    if (low_fits == high_fits)
        high_fits = value > 4 * whole + 2 || (value == 4 * whole + 2 && whole & 1);
    return (decimal){ whole + high_fits, tens };
}

/* Finds the shortest decimal of a double, if that has at most four digits behind the point and 15
 * in all. Decimals of up to 15 digits are all different doubles, so the one that reads back is the
 * shortest: reading divides it by a power of ten, too (simple_double). */
static bool find_short(uint64_t bits, decimal *out)
{
    double value = double_of(bits);

    if (FLT_EVAL_METHOD != 0 || value < 1e-4 || value > 9e10)
        return false;
    *out = (decimal){ (uint64_t)(value * 1e4 + 0.5), -4 };
    return (double)out->digits / 1e4 == value;
}

static char *append(char *out, const char *bytes, int count)
{
    memcpy(out, bytes, (size_t)count);
    return out + count;
}

/* d.ddde+x or de+x */
static char *write_scientific(char *out, const char *digits, int count, int exponent)
{
    int size = exponent < 0 ? -exponent : exponent, length = count_digits((uint64_t)size);

    *out++ = *digits;
    if (count > 1) {
        *out++ = '.';
        out = append(out, digits + 1, count - 1);
    }
    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    write_digits(out, (uint64_t)size, length);
    return out + length;
}

static char *write_decimal(char *out, decimal d)
{
    char digits[WORD_DIGITS + 1];
    int count = 0, point = 0; /* the '.' goes before digits[point] */

    for (; d.digits % 10 == 0; d.digits /= 10)
        d.exponent++;
    count = count_digits(d.digits);
    write_digits(digits, d.digits, count);
    point = count + d.exponent;
    if (point > 0 && point < count) {
        out = append(out, digits, point);
        *out++ = '.';
        return append(out, digits + point, count - point);
    }
    if (point > -4 && point <= 0) {
        out = append(out, "0.000", 2 - point);
        return append(out, digits, count);
    }
    return write_scientific(out, digits, count, point - 1);
}

size_t sse_number_write_double(char *out, double value)
{
    uint64_t bits = 0;
    decimal d = { 0 };
    char *p = out;

    memcpy(&bits, &value, sizeof(bits));
    if (bits == SIGN_BIT)
        return (size_t)(append(out, "-0", 2) - out);
    if (value > -WHOLE_BOUND && value < WHOLE_BOUND && value == (double)(int64_t)value)
        return sse_number_write_integer(out, (int64_t)value);
    if (bits & SIGN_BIT)
        *p++ = '-';
    bits &= ~SIGN_BIT;
    if (!find_short(bits, &d))
        d = shortest_of(bits);
    return (size_t)(write_decimal(p, d) - out);
}
