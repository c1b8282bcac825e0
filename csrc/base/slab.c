#include "slab.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Under a memory checker each object is an allocation of its own, so that it is seen what is used
 * after it was given back. */
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

/* Only pages that hold objects are ever touched. Blocks are aligned to their size, so that an
 * object finds its own. */
#define BLOCK ((size_t)256 << 10)
#define ALIGN 8
#define LINE  64 /* of the cache: objects of that size, or a multiple, begin with one */

typedef struct free_object {
    struct free_object *next;
} free_object;

struct sse_slab_block {
    sse_slab_block *next, **link; /* slab->usable; link NULL: full */
    free_object *given;           /* objects that were given back */
    uint32_t used;                /* objects out now */
    uint32_t fresh;               /* bytes up to which objects were ever taken */
};

static void insert(sse_slab *slab, sse_slab_block *b)
{
    b->next = slab->usable;
    b->link = &slab->usable;
    if (b->next)
        b->next->link = &b->next;
    slab->usable = b;
}

static void take_out(sse_slab_block *b)
{
    *b->link = b->next;
    if (b->next)
        b->next->link = b->link;
    b->link = NULL;
}

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
    b->fresh = (sizeof *b + LINE - 1) / LINE * LINE;
    insert(slab, b);
    return b;
}

void *sse_slab_alloc(sse_slab *slab, size_t size)
{
    sse_slab_block *b = slab->usable ? slab->usable : new_block(slab);
    void *object = NULL;

    slab->size = (size + ALIGN - 1) / ALIGN * ALIGN;
    if (!b)
        return NULL;
    if (b->given) {
        object = b->given;
        b->given = b->given->next;
        memset(object, 0, slab->size);
    } else {
        object = (char *)b + b->fresh;
        b->fresh += (uint32_t)slab->size;
    }
    b->used++;
    if (!b->given && b->fresh + slab->size > BLOCK)
        take_out(b);
    return object;
}

void sse_slab_free(sse_slab *slab, void *object)
{
    sse_slab_block *b = NULL;
    free_object *given = object;

    if (!object)
        return;
    b = (sse_slab_block *)((char *)object - (uintptr_t)object % BLOCK);
    given->next = b->given;
    b->given = given;
    b->used--;
    if (!b->link)
        insert(slab, b);
    if (b->used > 0 || (slab->usable == b && !b->next))
        return; /* the last one with room stays */
    take_out(b);
    munmap(b, BLOCK);
}

void sse_slab_destroy(sse_slab *slab)
{
    while (slab->usable) {
        sse_slab_block *b = slab->usable;

        take_out(b);
        munmap(b, BLOCK);
    }
}

#endif
