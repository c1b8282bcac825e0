/* queue.h: a write queue: parts of shared frames that wait for a socket, in order. Two words while
 * empty. Small pieces that no other queue shares are copied behind those before them. */
#ifndef SSE_HTTP_QUEUE_H
#define SSE_HTTP_QUEUE_H

#include <stdint.h>
#include <sys/uio.h>

#include "../wire/frame.h"

/* What all queues of one server hold. */
typedef struct sse_queue_account {
    size_t pending; /* bytes to be written; those of a shared frame count once for each queue */
    size_t held;    /* bytes of memory: each frame once, and whole until its last byte is written;
                       and the rings */
} sse_queue_account;

typedef struct sse_queue_item {
    sse_frame *frame;
    sse_slice rest; /* the part of it that is to be written */
} sse_queue_item;

typedef struct sse_queue_ring {
    size_t bytes; /* to be written */
    size_t held;  /* bytes of memory of its frames, shared ones too */
    sse_queue_account *account;
    sse_frame *block; /* the last item's frame, if small pieces may still be copied into it */
    size_t used;      /* bytes of the block that are in use */
    struct sse_request *record; /* whose record is complete once the ring is empty (record.h), with
                                 * a reference; NULL: none */
    uint32_t head, count, cap;
    sse_queue_item items[];
} sse_queue_ring;

typedef struct sse_queue {
    sse_queue_ring *ring; /* NULL while empty */
    uint32_t dropped;     /* bytes that the last sse_queue_clear dropped, 4 GiB at most */
    bool payload_only;    /* frames are written without chunk framing: HTTP/1.0, DATA of HTTP/2 */
} sse_queue;

/* Bytes to be written. */
static inline size_t sse_queue_bytes(const sse_queue *q)
{
    return q->ring ? q->ring->bytes : 0;
}

/* Bytes of memory of the queue's frames, as if no other queue shared them. */
static inline size_t sse_queue_held(const sse_queue *q)
{
    return q->ring ? q->ring->held : 0;
}

/* The part of a frame that is written: with or without its chunk framing. */
static inline sse_slice sse_queue_view(const sse_queue *q, const sse_frame *frame)
{
    return q->payload_only ? sse_frame_payload(frame) : sse_frame_chunk(frame);
}

/* Adds a frame, with a reference to it, or a copy of a small one. `sent`: bytes of it that are
 * written already. Queues between which bytes move must have the same account. SSE_ENOMEM: nothing
 * changed. */
int sse_queue_push(sse_queue *q, sse_queue_account *account, sse_frame *frame, size_t sent);

/* Adds a part of a frame. A part that follows the last item in the same frame extends that item.
 * SSE_ENOMEM: nothing changed. */
int sse_queue_push_part(sse_queue *q, sse_queue_account *account, sse_frame *frame, sse_slice part);

/* Moves the first n bytes to the end of another queue, with references. *moved: how many were
 * moved, fewer than n where the queue has no more, or with SSE_ENOMEM. */
int sse_queue_move(sse_queue *from, sse_queue *to, size_t n, size_t *moved);

/* Fills up to `max` entries with the first bytes of the queue; returns how many. */
int sse_queue_iov(const sse_queue *q, struct iovec *iov, int max);

/* The first n bytes are written: takes them out. */
void sse_queue_advance(sse_queue *q, size_t n);

/* Drops everything. */
void sse_queue_clear(sse_queue *q);

#endif
