/* slab.h: objects of one size side by side, for what a server has thousands of: no header an
 * object, and what comes and goes around them leaves no holes between them. Blocks are mapped, and
 * unmapped when their last object goes. */
#ifndef SSE_BASE_SLAB_H
#define SSE_BASE_SLAB_H

#include <stddef.h>

typedef struct sse_slab_block sse_slab_block;

typedef struct sse_slab {
    size_t size;            /* bytes an object, as rounded up; 0 before the first */
    sse_slab_block *usable; /* blocks with room */
} sse_slab;                 /* zeroed at first */

/* A zeroed object, or NULL: out of memory. `size` is the same for all of a slab. */
void *sse_slab_alloc(sse_slab *slab, size_t size);

/* NULL is allowed. */
void sse_slab_free(sse_slab *slab, void *object);

/* Every object must have been given back. */
void sse_slab_destroy(sse_slab *slab);

#endif
