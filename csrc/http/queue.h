/* queue.h: bytes of shared frames that wait for a socket, in order. Two words while empty. Small
 * pieces that nobody else has are joined to those before them. */
#ifndef SSE_HTTP_QUEUE_H
#define SSE_HTTP_QUEUE_H

#include <stdint.h>
#include <sys/uio.h>

#include "../wire/frame.h"

/* What the queues of one server hold. */
typedef struct sse_queue_account {
    size_t waiting; /* bytes still to go: a shared frame's count once in each queue */
    size_t held; /* bytes of memory: each frame once, whole until its last byte went, and rings */
} sse_queue_account;

typedef struct sse_queue_item {
    sse_frame *frame;
    sse_slice rest; /* what of it is still to go */
} sse_queue_item;

typedef struct sse_queue_ring {
    size_t bytes; /* still to go */
    size_t held;  /* bytes of the memory of its frames, shared ones too */
    sse_queue_account *account;
    sse_frame *block; /* the last item's, whose bytes past `used` are free; or NULL */
    size_t used;
    uint32_t head, count, cap;
    sse_queue_item items[];
} sse_queue_ring;

typedef struct sse_queue {
    sse_queue_ring *ring; /* NULL while empty */
    bool payload_only;    /* frames go out without their chunk framing (HTTP/1.0, and as DATA of
                             HTTP/2) */
} sse_queue;

/* Bytes still to go. */
static inline size_t sse_queue_bytes(const sse_queue *q)
{
    return q->ring ? q->ring->bytes : 0;
}

/* Bytes of memory that would be free without the queue, if nobody shared its frames. */
static inline size_t sse_queue_held(const sse_queue *q)
{
    return q->ring ? q->ring->held : 0;
}

/* What of the frame goes out. */
static inline sse_slice sse_queue_view(const sse_queue *q, const sse_frame *frame)
{
    return q->payload_only ? sse_frame_payload(frame) : sse_frame_chunk(frame);
}

/* Adds the frame and a reference to it, or a copy of a small one. `sent`: bytes of it that went out
 * already. All queues that a queue's bytes move to have its account. SSE_ENOMEM: nothing changed.
 */
int sse_queue_push(sse_queue *q, sse_queue_account *account, sse_frame *frame, size_t sent);

/* Adds a part of the frame; one that follows the last one in the same frame is joined to it.
 * SSE_ENOMEM: nothing changed. */
int sse_queue_push_part(sse_queue *q, sse_queue_account *account, sse_frame *frame, sse_slice part);

/* Moves the first n bytes to the end of another queue, and their references. SSE_ENOMEM: *moved of
 * them have moved. */
int sse_queue_move(sse_queue *from, sse_queue *to, size_t n, size_t *moved);

/* Fills at most max entries with what is first to go; returns how many. */
int sse_queue_iov(const sse_queue *q, struct iovec *iov, int max);

/* n bytes went out. */
void sse_queue_advance(sse_queue *q, size_t n);

void sse_queue_clear(sse_queue *q);

#endif
