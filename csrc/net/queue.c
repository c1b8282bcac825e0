#include "queue.h"

#include <stdlib.h>

#include "../wire/error.h"

static sse_queue_item *at(sse_queue_ring *r, uint32_t i)
{
    return &r->items[(r->head + i) % r->cap];
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
        r->count = old->count;
        for (uint32_t i = 0; i < old->count; i++)
            r->items[i] = *at(old, i);
    }
    free(old);
    q->ring = r;
    return SSE_OK;
}

/* The next free item, or NULL. */
static sse_queue_item *next_item(sse_queue *q)
{
    sse_queue_ring *r = q->ring;

    if ((!r || r->count == r->cap) && grow(q))
        return NULL;
    r = q->ring;
    return at(r, r->count++);
}

int sse_queue_push(sse_queue *q, sse_frame *frame, size_t sent)
{
    sse_queue_item *item = next_item(q);
    sse_slice view = sse_queue_view(q, frame);

    if (!item)
        return SSE_ENOMEM;
    item->frame = sse_frame_ref(frame);
    item->rest = (sse_slice){ view.at + sent, view.len - sent };
    q->ring->bytes += item->rest.len;
    return SSE_OK;
}

int sse_queue_push_part(sse_queue *q, sse_frame *frame, sse_slice part)
{
    sse_queue_ring *r = q->ring;
    sse_queue_item *item = r && r->count > 0 ? at(r, r->count - 1) : NULL;

    if (item && item->frame == frame && item->rest.at + item->rest.len == part.at) {
        item->rest.len += part.len;
    } else {
        item = next_item(q);
        if (!item)
            return SSE_ENOMEM;
        item->frame = sse_frame_ref(frame);
        item->rest = part;
    }
    q->ring->bytes += part.len;
    return SSE_OK;
}

int sse_queue_iov(const sse_queue *q, struct iovec *iov, int max)
{
    sse_queue_ring *r = q->ring;
    int n = 0;

    for (uint32_t i = 0; r && i < r->count && n < max; i++) {
        sse_slice rest = at(r, i)->rest;

        iov[n].iov_base = (char *)rest.at;
        iov[n++].iov_len = rest.len;
    }
    return n;
}

static void take_first(sse_queue_ring *r)
{
    r->head = (r->head + 1) % r->cap;
    r->count--;
}

/* The first item without its first n bytes, and out of the queue where nothing is left of it. */
static void shorten_first(sse_queue_ring *r, size_t n)
{
    sse_queue_item *item = at(r, 0);

    r->bytes -= n;
    item->rest.at += n;
    item->rest.len -= n;
    if (item->rest.len > 0)
        return;
    sse_frame_unref(item->frame);
    take_first(r);
}

/* Empty: the ring is given back. */
static void settle(sse_queue *q)
{
    if (q->ring && q->ring->count == 0) {
        free(q->ring);
        q->ring = NULL;
    }
}

static size_t first_of(sse_queue *q, size_t n)
{
    size_t len = at(q->ring, 0)->rest.len;

    return len < n ? len : n;
}

void sse_queue_advance(sse_queue *q, size_t n)
{
    while (q->ring && q->ring->count > 0 && (n > 0 || at(q->ring, 0)->rest.len == 0)) {
        size_t len = first_of(q, n);

        shorten_first(q->ring, len);
        n -= len;
    }
    settle(q);
}

int sse_queue_move(sse_queue *from, sse_queue *to, size_t n, size_t *moved)
{
    *moved = 0;
    while (*moved < n && from->ring) {
        sse_queue_item *item = at(from->ring, 0);
        size_t len = first_of(from, n - *moved);
        int code = sse_queue_push_part(to, item->frame, (sse_slice){ item->rest.at, len });

        if (code)
            return code;
        shorten_first(from->ring, len);
        settle(from);
        *moved += len;
    }
    return SSE_OK;
}

void sse_queue_clear(sse_queue *q)
{
    if (!q->ring)
        return;
    while (q->ring->count > 0) {
        sse_frame_unref(at(q->ring, 0)->frame);
        take_first(q->ring);
    }
    free(q->ring);
    q->ring = NULL;
}
