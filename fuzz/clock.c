#include "clock.h"

#include "../csrc/base/random.h"

#define BEGINNING ((uint64_t)1000000000)

static uint64_t now_us = BEGINNING, random_state = 1;

void sse_fuzz_restart(void)
{
    now_us = BEGINNING;
    random_state = 1;
}

void sse_fuzz_advance(uint64_t ms)
{
    now_us += ms * 1000;
}

int sse_fuzz_clock(clockid_t id, struct timespec *out)
{
    (void)id;
    now_us++;
    out->tv_sec = (time_t)(now_us / 1000000);
    out->tv_nsec = (long)(now_us % 1000000) * 1000;
    return 0;
}

/* The random bytes of a xorshift generator. */
void sse_fuzz_random(void *out, size_t len)
{
    unsigned char *bytes = out;

    for (size_t i = 0; i < len; i++) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        bytes[i] = (unsigned char)(random_state >> 32);
    }
}

/* Takes the place of csrc/base/random.c. */
int sse_random_bytes(void *to, size_t count)
{
    sse_fuzz_random(to, count);
    return 0;
}
