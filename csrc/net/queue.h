/* queue.h: frames that wait for a socket, in order. Owns no memory while empty. */
#ifndef SSE_NET_QUEUE_H
#define SSE_NET_QUEUE_H

#include <stdint.h>
#include <sys/uio.h>

#include "../wire/frame.h"

typedef struct sse_queue {
    sse_frame **items; /* ring of cap */
    uint32_t head, count, cap;
    bool bare;     /* frames go out without their chunk framing (HTTP/1.0) */
    size_t offset; /* bytes of the first frame that went out already */
    size_t bytes;  /* bytes still to go */
} sse_queue;

/* Adds the frame and a reference to it. SSE_ENOMEM: nothing changed. */
int sse_queue_push(sse_queue *q, sse_frame *frame);

/* Fills at most max entries with what is first to go; returns how many. */
int sse_queue_iov(const sse_queue *q, struct iovec *iov, int max);

/* n bytes went out. */
void sse_queue_advance(sse_queue *q, size_t n);

void sse_queue_clear(sse_queue *q);

#endif
