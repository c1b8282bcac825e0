#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include "shared_numbers.h"

#include <sys/mman.h>

#include "../wire/error.h"

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

int sse_shared_numbers_make(sse_shared_numbers *n, size_t count)
{
    void *at = mmap(NULL, count * sizeof *n->at, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                    -1, 0);

    if (at == MAP_FAILED)
        return SSE_ENOMEM;
    n->at = at;
    n->count = count;
    return SSE_OK;
}

void sse_shared_numbers_drop(sse_shared_numbers *n)
{
    if (n->at)
        munmap((void *)n->at, n->count * sizeof *n->at);
    n->at = NULL;
    n->count = 0;
}
