/* failing_malloc.h: replaces the allocator's functions by those of the test. The compiler includes
 * it before every file that the test is built from. */
#ifndef FAILING_MALLOC_H
#define FAILING_MALLOC_H

#include <stdlib.h>

void *failing_malloc(size_t size);
void *failing_calloc(size_t count, size_t size);
void *failing_realloc(void *at, size_t size);
void failing_free(void *at);

#define malloc(size)        failing_malloc(size)
#define calloc(count, size) failing_calloc(count, size)
#define realloc(at, size)   failing_realloc(at, size)
#define free(at)            failing_free(at)

#endif
