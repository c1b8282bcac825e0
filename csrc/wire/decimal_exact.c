#include "decimal_exact.h"

#include <stdbool.h>
#include <string.h>

#include "powers_of_ten.h"

/* The middle between two neighboring doubles has at most 767 significant digits. So digits behind
 * the 768th don't matter, except that they may lift the number above a middle. */
#define MAX_DIGITS 768

/* The largest numbers that meet here have 2,590 bits: 5^1092, of a number with 769 digits that
 * begin at 10^-324, times the 54 bits of a middle. */
#define LIMBS 44

#define CHUNK 19 /* digits that fit 64 bits for certain */

typedef struct big {
    int length; /* limbs in use; the highest one is not 0 */
    uint64_t limbs[LIMBS];
} big;

static void multiply_and_add(big *number, uint64_t factor, uint64_t carry)
{
    for (int i = 0; i < number->length; i++) {
        uint64_t high = 0, low = sse_multiply(number->limbs[i], factor, &high);

        low += carry;
        carry = high + (low < carry);
        number->limbs[i] = low;
    }
    if (carry)
        number->limbs[number->length++] = carry;
}

static void multiply_by_five_to(big *number, int64_t power)
{
    const int64_t step = 27;
    uint64_t last = 1;

    for (; power >= step; power -= step)
        multiply_and_add(number, 7450580596923828125u /* 5^27 */, 0);
    for (; power > 0; power--)
        last *= 5;
    multiply_and_add(number, last, 0);
}

static void shift_left(big *number, int64_t bits)
{
    int limbs = (int)(bits / 64);

    multiply_and_add(number, (uint64_t)1 << bits % 64, 0);
    if (!number->length)
        return;
    memmove(number->limbs + limbs, number->limbs, sizeof(*number->limbs) * (size_t)number->length);
    memset(number->limbs, 0, sizeof(*number->limbs) * (size_t)limbs);
    number->length += limbs;
}

static int compare(const big *a, const big *b)
{
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    for (int i = a->length - 1; i >= 0; i--)
        if (a->limbs[i] != b->limbs[i])
            return a->limbs[i] < b->limbs[i] ? -1 : 1;
    return 0;
}

/* Reads digits into `number`, and returns the exponent of ten that goes with it. Digits that are
 * too many become one digit 1, unless all of them are 0. */
static int64_t read_digits(big *number, const char *digits, const char *end, int64_t exponent)
{
    uint64_t chunk = 0, scale = 1;
    int kept = 0, in_chunk = 0;
    bool fraction = false, cut = false;

    for (; digits < end; digits++) {
        if (*digits == '.') {
            fraction = true;
            continue;
        }
        exponent -= fraction;
        if (kept == MAX_DIGITS) {
            exponent++;
            cut |= *digits != '0';
            continue;
        }
        chunk = chunk * 10 + (uint64_t)(*digits - '0');
        scale *= 10;
        kept += kept > 0 || chunk > 0; /* zeros before the first other digit are not counted */
        if (++in_chunk == CHUNK) {
            multiply_and_add(number, scale, chunk);
            chunk = 0, scale = 1, in_chunk = 0;
        }
    }
    multiply_and_add(number, scale, chunk);
    if (cut)
        multiply_and_add(number, 10, 1);
    return exponent - cut;
}

int sse_decimal_compare_middle(const char *digits, const char *end, int64_t exponent, uint64_t bits)
{
    big number = { 0 }, middle = { 0 };
    int64_t biased = (int64_t)(bits >> 52), twos = 0;
    uint64_t mantissa = bits & (((uint64_t)1 << 52) - 1);

    if (biased)
        mantissa |= (uint64_t)1 << 52;
    else
        biased = 1;
    exponent = read_digits(&number, digits, end, exponent);
    /* The middle is (2 * mantissa + 1) * 2^(biased - 1076), the number is `number` * 10^exponent.
     * Both are multiplied by what makes them whole. */
    middle.limbs[0] = 2 * mantissa + 1;
    middle.length = 1;
    if (exponent < 0)
        multiply_by_five_to(&middle, -exponent);
    else
        multiply_by_five_to(&number, exponent);
    twos = biased - 1076 - exponent;
    if (twos < 0)
        shift_left(&number, -twos);
    else
        shift_left(&middle, twos);
    return compare(&number, &middle);
}
