#include "heap.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

void sse_heap_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void sse_heap_settle(void)
{
#ifdef __GLIBC__
    /* glibc joins small free blocks, and sorts 10,000 of them, when a large one is asked for. */
    const int rounds = 1000;
    const size_t large = (size_t)64 << 10;

    sse_heap_trim();
    for (int i = 0; i < rounds; i++) {
        void *volatile block = malloc(large);

        free(block);
    }
#endif
}
