/* slab.h: an allocator for thousands of objects of one size. Objects lie side by side without a
 * header each, in blocks of their own, so that other allocations leave no holes between them. A
 * block is mapped from the system, and unmapped when its last object is freed, but for one empty
 * block that is kept for the next object. */
#ifndef SSE_BASE_SLAB_H
#define SSE_BASE_SLAB_H

#include <stddef.h>

typedef struct sse_slab_block sse_slab_block;

/* Begins zeroed. */
typedef struct sse_slab {
    size_t size;            /* bytes of an object, rounded up; 0 before the first */
    sse_slab_block *usable; /* blocks with room for an object */
} sse_slab;

/* A zeroed object; NULL: out of memory. `size` must be the same in all calls for a slab. */
void *sse_slab_alloc(sse_slab *slab, size_t size);

/* NULL is allowed. */
void sse_slab_free(sse_slab *slab, void *object);

/* Unmaps what is left. Every object must have been freed. */
void sse_slab_destroy(sse_slab *slab);

#endif
