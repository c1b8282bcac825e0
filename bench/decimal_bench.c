/* decimal_bench.c: what wire/decimal takes to read and to write a number, beside strtod and printf.
 * The two take turns, and the best of ROUNDS counts. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../csrc/wire/decimal.h"

#define NUMBERS 20000
#define ROUNDS  15
#define SIZE    64

typedef struct number {
    char text[SIZE];
    size_t len;
    double real;
    int64_t integer;
} number;

static number numbers[NUMBERS];
static double sum; /* of what was read, so that no compiler leaves it out */

static uint64_t random_bits(void)
{
    static uint64_t x = 88172645463325252u; /* xorshift */

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x * 2685821657736338717u;
}

static void make_double(number *n)
{
    uint64_t bits = 0;

    do {
        bits = random_bits();
        memcpy(&n->real, &bits, sizeof bits);
    } while (!isfinite(n->real));
    n->len = (size_t)snprintf(n->text, SIZE, "%.17g", n->real);
}

static void make_fraction(number *n)
{
    n->real = (double)(random_bits() >> 11) * 0x1p-53;
    n->len = (size_t)snprintf(n->text, SIZE, "%.16f", n->real);
}

static void make_price(number *n)
{
    n->real = (double)(random_bits() % 1000000) / 100;
    n->len = (size_t)snprintf(n->text, SIZE, "%.2f", n->real);
}

static void make_integer(number *n)
{
    n->integer = (int64_t)(random_bits() >> (1 + random_bits() % 62));
    n->len = (size_t)snprintf(n->text, SIZE, "%" PRId64, n->integer);
}

static void make_small_integer(number *n)
{
    n->integer = (int64_t)(random_bits() % 1000);
    n->len = (size_t)snprintf(n->text, SIZE, "%" PRId64, n->integer);
}

/* --- what is measured ------------------------------------------------------------------------- */

static void read_ours(const number *n)
{
    sse_number out;

    sse_number_read(n->text, n->text + n->len, &out);
    sum += out.real + (double)out.integer;
}

static void read_double(const number *n)
{
    sum += strtod(n->text, NULL);
}

static void read_integer(const number *n)
{
    sum += (double)strtoll(n->text, NULL, 10);
}

static void write_ours(const number *n)
{
    char out[SSE_NUMBER_MAX];

    sum += (double)sse_number_write_double(out, n->real) + out[0];
}

static void print_double(const number *n)
{
    char out[SIZE];

    sum += snprintf(out, SIZE, "%.17g", n->real) + out[0];
}

static void write_our_integer(const number *n)
{
    char out[SSE_NUMBER_MAX];

    sum += (double)sse_number_write_integer(out, n->integer) + out[0];
}

static void print_integer(const number *n)
{
    char out[SIZE];

    sum += snprintf(out, SIZE, "%" PRId64, n->integer) + out[0];
}

static double nanoseconds(void (*act)(const number *))
{
    struct timespec from, to;

    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < NUMBERS; i++)
        act(&numbers[i]);
    clock_gettime(CLOCK_MONOTONIC, &to);
    return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) /
           NUMBERS;
}

int main(void)
{
    static const struct {
        const char *what, *act;
        void (*make)(number *);
        void (*ours)(const number *), (*theirs)(const number *);
    } rows[] = {
        { "any double, 17 digits", "read", make_double, read_ours, read_double },
        { "from 0 to 1, 16 digits", "read", make_fraction, read_ours, read_double },
        { "a price", "read", make_price, read_ours, read_double },
        { "an integer of any length", "read", make_integer, read_ours, read_integer },
        { "an integer below 1,000", "read", make_small_integer, read_ours, read_integer },
        { "any double, shortest", "write", make_double, write_ours, print_double },
        { "from 0 to 1, shortest", "write", make_fraction, write_ours, print_double },
        { "a price, shortest", "write", make_price, write_ours, print_double },
        { "an integer of any length", "write", make_integer, write_our_integer, print_integer },
    };

    printf("numbers of JSON, beside strtod, strtoll and printf(\"%%.17g\")\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double ours = INFINITY, theirs = INFINITY;

        for (int n = 0; n < NUMBERS; n++)
            rows[i].make(&numbers[n]);
        for (int round = 0; round < ROUNDS; round++) {
            ours = fmin(ours, nanoseconds(rows[i].ours));
            theirs = fmin(theirs, nanoseconds(rows[i].theirs));
        }
        printf("  %-5s %-25s %6.1f ns %8.1f ns  x%.1f\n", rows[i].act, rows[i].what, ours, theirs,
               theirs / ours);
    }
    return sum == 0.5; /* it is not */
}
