#include "slab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Under AddressSanitizer each object is an allocation of its own, so that a use after
 * sse_slab_free is found. */
#if defined(__SANITIZE_ADDRESS__)
#define SSE_NO_SLABS
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SSE_NO_SLABS
#endif
#endif

#ifdef SSE_NO_SLABS

void *sse_slab_alloc(sse_slab *slab, size_t size)
{
    slab->size = size;
    return calloc(1, size);
}

void sse_slab_free(sse_slab *slab, void *object)
{
    (void)slab;
    free(object);
}

void sse_slab_destroy(sse_slab *slab)
{
    (void)slab;
}

#else

/* Bytes of a block. Blocks are aligned to their size, so that an object's address tells its block.
 * Pages of a block that never held an object are never touched, and take no memory. */
#define BLOCK ((size_t)256 << 10)
#define ALIGN 8
#define LINE  64 /* bytes of a cache line: where the objects of a block begin */

typedef struct free_object {
    struct free_object *next;
} free_object;

struct sse_slab_block {
    sse_slab_block *next, **link; /* slab->usable; link NULL: full */
    free_object *freed;           /* objects that were freed, to be used again */
    uint32_t used;                /* objects in use */
    uint32_t end;                 /* bytes from the block's start to the end of the objects that
                                     were ever in use */
};

static void link_block(sse_slab *slab, sse_slab_block *b)
{
    b->next = slab->usable;
    b->link = &slab->usable;
    if (b->next)
        b->next->link = &b->next;
    slab->usable = b;
}

static void unlink_block(sse_slab_block *b)
{
    *b->link = b->next;
    if (b->next)
        b->next->link = b->link;
    b->link = NULL;
}

/* Maps twice the size of a block, and unmaps what lies around the aligned block in it. */
static sse_slab_block *new_block(sse_slab *slab)
{
    char *map = mmap(NULL, BLOCK * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1, 0);
    size_t before = 0;
    sse_slab_block *b = NULL;

    if (map == MAP_FAILED)
        return NULL;
    before = (BLOCK - (uintptr_t)map % BLOCK) % BLOCK;
    if (before > 0)
        munmap(map, before);
    munmap(map + before + BLOCK, BLOCK - before);
    b = (sse_slab_block *)(map + before);
    b->end = (sizeof *b + LINE - 1) / LINE * LINE;
    link_block(slab, b);
    return b;
}

void *sse_slab_alloc(sse_slab *slab, size_t size)
{
    sse_slab_block *b = slab->usable ? slab->usable : new_block(slab);
    void *object = NULL;

    slab->size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (!b)
        return NULL;
    if (b->freed) {
        object = b->freed;
        b->freed = b->freed->next;
        memset(object, 0, slab->size);
    } else {
        object = (char *)b + b->end;
        b->end += (uint32_t)slab->size;
    }
    b->used++;
    if (!b->freed && b->end + slab->size > BLOCK)
        unlink_block(b);
    return object;
}

void sse_slab_free(sse_slab *slab, void *object)
{
    sse_slab_block *b = NULL;
    free_object *freed = object;

    if (!object)
        return;
    b = (sse_slab_block *)((char *)object - (uintptr_t)object % BLOCK);
    freed->next = b->freed;
    b->freed = freed;
    b->used--;
    if (!b->link)
        link_block(slab, b);
    if (b->used > 0 || (slab->usable == b && !b->next))
        return; /* the last block with room stays mapped */
    unlink_block(b);
    munmap(b, BLOCK);
}

void sse_slab_destroy(sse_slab *slab)
{
    while (slab->usable) {
        sse_slab_block *b = slab->usable;

        unlink_block(b);
        munmap(b, BLOCK);
    }
}

#endif
