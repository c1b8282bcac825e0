/* The clock that everything is measured by. */
#ifndef LOAD_CLOCK_H
#define LOAD_CLOCK_H

#include <stdint.h>
#include <time.h>

#define LOAD_SECOND INT64_C(1000000000)

/* Nanoseconds of the monotonic clock. */
static inline int64_t load_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * LOAD_SECOND + t.tv_nsec;
}

#endif
