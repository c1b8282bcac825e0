#include "bodies.h"

#include "../wire/error.h"

#define SLACK ((size_t)256 << 10) /* and an eighth: what may be read too much within a turn */

int sse_request_count(sse_pool *pool, sse_request *request, bool last)
{
    request->counted = &pool->count.bodies;
    pool->count.bodies += request->memory;
    return sse_bodies_full(pool) && (!last || request->memory > SSE_USUAL_HEAD) ? SSE_EFULL
                                                                                : SSE_OK;
}

void sse_arrival_begin(sse_pool *pool, sse_arrival *a, void *owner, void (*refuse)(void *owner))
{
    a->owner = owner;
    a->refuse = refuse;
    a->next = pool->arrivals;
    a->link = &pool->arrivals;
    if (a->next)
        a->next->link = &a->next;
    pool->arrivals = a;
}

void sse_arrival_end(sse_arrival *a)
{
    if (!a->link)
        return;
    *a->link = a->next;
    if (a->next)
        a->next->link = a->link;
    a->link = NULL;
}

int sse_arrival_append(sse_pool *pool, sse_arrival *a, sse_request *request, sse_slice bytes)
{
    size_t before = request->body.cap, most = pool->limits.max_bodies;
    int code = sse_buffer_append(&request->body, bytes.at, bytes.len);

    if (code)
        return code;
    request->memory += request->body.cap - before;
    pool->count.bodies += request->body.cap - before;
    if (!sse_bodies_full(pool))
        return SSE_OK;
    if (pool->arrivals == a || pool->count.bodies - most > most / 8 + SLACK)
        return SSE_EFULL;
    sse_pool_wake(pool); /* another one is refused: not within its neighbour's read */
    return SSE_OK;
}

void sse_bodies_relieve(sse_pool *pool)
{
    while (sse_bodies_full(pool) && pool->arrivals)
        pool->arrivals->refuse(pool->arrivals->owner);
}
