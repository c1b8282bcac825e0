/* shared_numbers.h: numbers that a process and those that it forks later have in common. */
#ifndef SSE_BASE_SHARED_NUMBERS_H
#define SSE_BASE_SHARED_NUMBERS_H

#include <stddef.h>
#include <stdint.h>

typedef struct sse_shared_numbers {
    _Atomic(uint64_t) *at; /* NULL: there are none */
    size_t count;
} sse_shared_numbers;

/* Makes `count` zeros. SSE_ENOMEM. */
int sse_shared_numbers_make(sse_shared_numbers *n, size_t count);

/* In this process alone. Harmless where there are none. */
void sse_shared_numbers_drop(sse_shared_numbers *n);

#endif
