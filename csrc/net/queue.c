#include "queue.h"

#include <stdlib.h>

#include "../wire/error.h"

static sse_frame *at(const sse_queue_ring *r, uint32_t i)
{
    return r->items[(r->head + i) % r->cap];
}

static int grow(sse_queue *q)
{
    sse_queue_ring *old = q->ring;
    uint32_t cap = old ? old->cap * 2 : 4;
    sse_queue_ring *r = malloc(sizeof *r + cap * sizeof r->items[0]);

    if (!r)
        return SSE_ENOMEM;
    *r = (sse_queue_ring){ .cap = cap };
    if (old) {
        r->bytes = old->bytes;
        r->offset = old->offset;
        r->count = old->count;
        for (uint32_t i = 0; i < old->count; i++)
            r->items[i] = at(old, i);
    }
    free(old);
    q->ring = r;
    return SSE_OK;
}

int sse_queue_push(sse_queue *q, sse_frame *frame, size_t sent)
{
    sse_queue_ring *r = q->ring;

    if (!r || r->count == r->cap) {
        int code = grow(q);

        if (code)
            return code;
        r = q->ring;
    }
    r->items[(r->head + r->count++) % r->cap] = sse_frame_ref(frame);
    r->bytes += sse_queue_view(q, frame).len - sent;
    r->offset += sent;
    return SSE_OK;
}

int sse_queue_iov(const sse_queue *q, struct iovec *iov, int max)
{
    const sse_queue_ring *r = q->ring;
    int n = 0;

    for (uint32_t i = 0; r && i < r->count && n < max; i++) {
        sse_slice s = sse_queue_view(q, at(r, i));
        size_t skip = i == 0 ? r->offset : 0;

        iov[n].iov_base = (char *)s.at + skip;
        iov[n++].iov_len = s.len - skip;
    }
    return n;
}

static void drop_first(sse_queue_ring *r)
{
    sse_frame_unref(at(r, 0));
    r->head = (r->head + 1) % r->cap;
    r->count--;
    r->offset = 0;
}

void sse_queue_advance(sse_queue *q, size_t n)
{
    sse_queue_ring *r = q->ring;

    if (!r)
        return;
    r->bytes -= n;
    while (r->count > 0) {
        size_t left = sse_queue_view(q, at(r, 0)).len - r->offset;

        if (n < left) {
            r->offset += n;
            return;
        }
        n -= left;
        drop_first(r);
    }
    sse_queue_clear(q); /* empty: give the ring back */
}

void sse_queue_clear(sse_queue *q)
{
    if (!q->ring)
        return;
    while (q->ring->count > 0)
        drop_first(q->ring);
    free(q->ring);
    q->ring = NULL;
}
