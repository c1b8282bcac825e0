#include "queue.h"

#include <stdlib.h>

#include "../wire/error.h"

static sse_slice view(const sse_queue *q, const sse_frame *frame)
{
    return q->bare ? sse_frame_payload(frame) : sse_frame_chunk(frame);
}

static sse_frame *at(const sse_queue *q, uint32_t i)
{
    return q->items[(q->head + i) % q->cap];
}

static int grow(sse_queue *q)
{
    uint32_t cap = q->cap ? q->cap * 2 : 4;
    sse_frame **items = malloc(cap * sizeof *items);

    if (!items)
        return SSE_ENOMEM;
    for (uint32_t i = 0; i < q->count; i++)
        items[i] = at(q, i);
    free(q->items);
    q->items = items;
    q->cap = cap;
    q->head = 0;
    return SSE_OK;
}

int sse_queue_push(sse_queue *q, sse_frame *frame)
{
    if (q->count == q->cap) {
        int code = grow(q);

        if (code)
            return code;
    }
    q->items[(q->head + q->count++) % q->cap] = sse_frame_ref(frame);
    q->bytes += view(q, frame).len;
    return SSE_OK;
}

int sse_queue_iov(const sse_queue *q, struct iovec *iov, int max)
{
    int n = 0;

    for (uint32_t i = 0; i < q->count && n < max; i++) {
        sse_slice s = view(q, at(q, i));
        size_t skip = i == 0 ? q->offset : 0;

        iov[n].iov_base = (char *)s.at + skip;
        iov[n++].iov_len = s.len - skip;
    }
    return n;
}

static void drop_first(sse_queue *q)
{
    sse_frame_unref(at(q, 0));
    q->head = (q->head + 1) % q->cap;
    q->count--;
    q->offset = 0;
}

void sse_queue_advance(sse_queue *q, size_t n)
{
    q->bytes -= n;
    while (q->count > 0) {
        size_t left = view(q, at(q, 0)).len - q->offset;

        if (n < left) {
            q->offset += n;
            return;
        }
        n -= left;
        drop_first(q);
    }
    sse_queue_clear(q); /* empty: give the ring back */
}

void sse_queue_clear(sse_queue *q)
{
    while (q->count > 0)
        drop_first(q);
    free(q->items);
    q->items = NULL;
    q->head = q->cap = 0;
    q->offset = q->bytes = 0;
}
