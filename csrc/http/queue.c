#include "queue.h"

#include <stdlib.h>

#include "../wire/error.h"

#define SMALL       ((size_t)512) /* bytes of a frame that is copied instead of referred to */
#define LEAST_BLOCK ((size_t)512)
#define MOST_BLOCK  ((size_t)16 << 10)

static sse_queue_item *item_at(sse_queue_ring *r, uint32_t i)
{
    return &r->items[(r->head + i) % r->cap];
}

/* --- accounting ------------------------------------------------------------------------------- */

/* Counts a frame's memory in the queue's account. The first account whose queues hold the frame is
 * its payer and counts it once. Another account (the channel has followers of two servers) counts
 * it once for each item. */
static void charge(sse_queue_ring *r, sse_frame *frame)
{
    sse_queue_account *account = r->account;
    size_t memory = sse_frame_memory(frame);

    r->held += memory;
    if (!frame->account)
        frame->account = account;
    if (frame->account != account || frame->queued_pieces++ == 0)
        account->held += memory;
}

/* Takes one item's share of a frame's memory off again: the payer's when its last item goes,
 * another account's with each item. */
static void discharge(sse_queue_ring *r, sse_frame *frame)
{
    sse_queue_account *account = r->account;
    size_t memory = sse_frame_memory(frame);

    r->held -= memory;
    if (frame->account == account) {
        if (--frame->queued_pieces > 0)
            return;
        frame->account = NULL;
    }
    account->held -= memory;
}

static size_t ring_memory(uint32_t cap)
{
    return sizeof(sse_queue_ring) + cap * sizeof(sse_queue_item);
}

static void free_ring(sse_queue *q)
{
    sse_queue_ring *r = q->ring;

    r->account->held -= ring_memory(r->cap);
    free(r);
    q->ring = NULL;
}

/* --- adding ----------------------------------------------------------------------------------- */

static int grow(sse_queue *q, sse_queue_account *account)
{
    sse_queue_ring *old = q->ring;
    uint32_t cap = old ? old->cap * 2 : 4;
    sse_queue_ring *r = malloc(ring_memory(cap));

    if (!r)
        return SSE_ENOMEM;
    *r = (sse_queue_ring){ .account = account };
    if (old) {
        *r = *old;
        for (uint32_t i = 0; i < old->count; i++)
            r->items[i] = *item_at(old, i);
        free_ring(q);
    }
    r->head = 0;
    r->cap = cap;
    account->held += ring_memory(cap);
    q->ring = r;
    return SSE_OK;
}

static int add(sse_queue *q, sse_queue_account *account, sse_frame *frame, sse_slice part)
{
    sse_queue_ring *r = q->ring;

    if ((!r || r->count == r->cap) && grow(q, account))
        return SSE_ENOMEM;
    r = q->ring;
    *item_at(r, r->count++) = (sse_queue_item){ sse_frame_ref(frame), part };
    charge(r, frame);
    r->block = NULL;
    r->bytes += part.len;
    account->pending += part.len;
    return SSE_OK;
}

/* Adds an empty block as large as what is queued (512 bytes to 16 KiB), so that at most half of the
 * memory is unused. */
static int add_block(sse_queue *q)
{
    sse_queue_ring *r = q->ring;
    size_t size = r->bytes < LEAST_BLOCK ? LEAST_BLOCK : r->bytes;
    sse_frame *block = sse_frame_raw_alloc(size < MOST_BLOCK ? size : MOST_BLOCK);
    int code = block ? add(q, r->account, block, (sse_slice){ block->bytes, 0 }) : SSE_ENOMEM;

    if (!code) {
        q->ring->block = block;
        q->ring->used = 0;
    }
    sse_frame_unref(block);
    return code;
}

/* Copies a piece behind the last bytes of the block, or into a new block. */
static int append_copy(sse_queue *q, sse_slice piece)
{
    sse_queue_ring *r = q->ring;

    if (!r->block || r->used + piece.len > r->block->payload) {
        int code = add_block(q);

        if (code)
            return code;
        r = q->ring;
    }
    memcpy(r->block->bytes + r->used, piece.at, piece.len);
    r->used += piece.len;
    item_at(r, r->count - 1)->rest.len += piece.len;
    r->bytes += piece.len;
    r->account->pending += piece.len;
    return SSE_OK;
}

int sse_queue_push(sse_queue *q, sse_queue_account *account, sse_frame *frame, size_t sent)
{
    sse_slice view = sse_queue_view(q, frame);

    view = (sse_slice){ view.at + sent, view.len - sent };
    if (q->ring && view.len <= SMALL && frame->events == 0) /* events: other queues share it */
        return append_copy(q, view);
    return add(q, account, frame, view);
}

int sse_queue_push_part(sse_queue *q, sse_queue_account *account, sse_frame *frame, sse_slice part)
{
    sse_queue_ring *r = q->ring;
    sse_queue_item *item = r ? item_at(r, r->count - 1) : NULL;

    if (!item || item->frame != frame || item->rest.at + item->rest.len != part.at)
        return add(q, account, frame, part);
    item->rest.len += part.len;
    r->bytes += part.len;
    r->account->pending += part.len;
    return SSE_OK;
}

/* --- taking ----------------------------------------------------------------------------------- */

int sse_queue_iov(const sse_queue *q, struct iovec *iov, int max)
{
    sse_queue_ring *r = q->ring;
    int n = 0;

    for (uint32_t i = 0; r && i < r->count && n < max; i++) {
        sse_slice rest = item_at(r, i)->rest;

        iov[n].iov_base = (char *)rest.at;
        iov[n++].iov_len = rest.len;
    }
    return n;
}

/* Takes the first item out, and frees the ring after the last one. */
static void take_first(sse_queue *q)
{
    sse_queue_ring *r = q->ring;
    sse_frame *frame = item_at(r, 0)->frame;

    discharge(r, frame);
    if (r->block == frame)
        r->block = NULL;
    sse_frame_unref(frame);
    r->head = (r->head + 1) % r->cap;
    r->count--;
    if (r->count == 0)
        free_ring(q);
}

/* Takes n bytes off the first item, and the item out of the queue when nothing of it is left. */
static void shorten_first(sse_queue *q, size_t n)
{
    sse_queue_ring *r = q->ring;
    sse_queue_item *item = item_at(r, 0);

    r->bytes -= n;
    r->account->pending -= n;
    item->rest.at += n;
    item->rest.len -= n;
    if (item->rest.len == 0)
        take_first(q);
}

/* How many of the first n bytes are the first item's. */
static size_t first_bytes(sse_queue *q, size_t n)
{
    size_t len = item_at(q->ring, 0)->rest.len;

    return len < n ? len : n;
}

void sse_queue_advance(sse_queue *q, size_t n)
{
    while (q->ring && (n > 0 || item_at(q->ring, 0)->rest.len == 0)) {
        size_t len = first_bytes(q, n);

        shorten_first(q, len);
        n -= len;
    }
}

int sse_queue_move(sse_queue *from, sse_queue *to, size_t n, size_t *moved)
{
    *moved = 0;
    while (*moved < n && from->ring) {
        sse_queue_item *item = item_at(from->ring, 0);
        size_t len = first_bytes(from, n - *moved);
        int code = sse_queue_push_part(to, from->ring->account, item->frame,
                                       (sse_slice){ item->rest.at, len });

        if (code)
            return code;
        shorten_first(from, len);
        *moved += len;
    }
    return SSE_OK;
}

void sse_queue_clear(sse_queue *q)
{
    size_t bytes = sse_queue_bytes(q);

    if (bytes)
        q->dropped = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
    while (q->ring) {
        q->ring->account->pending -= item_at(q->ring, 0)->rest.len;
        take_first(q);
    }
}
