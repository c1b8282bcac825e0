/* frame.h: immutable, reference-counted bytes that many receivers share: one encoded event (or any
 * piece of a streamed body) with the HTTP/1.1 chunk framing around it, in one allocation. */
#ifndef SSE_WIRE_FRAME_H
#define SSE_WIRE_FRAME_H

#include <stdint.h>

#include "encoder.h"
#include "slice.h"

/* The deflated copy of a frame's payload, as a block for bodies of streams. Made for the first
 * receiver that wants it, shared by all, and freed with its frame. See deflater.h. */
typedef struct sse_deflated {
    struct sse_frame *standalone; /* refers to no bytes before it; NULL: not made */
    struct sse_frame *linked;     /* refers to the log's bytes right before it; NULL: not made */
    uint64_t linked_at;           /* the position in the log at which `linked` can be sent */
    uint32_t crc, crc_op, adler;  /* check values of the payload: see coding.h */
} sse_deflated;

typedef struct sse_frame {
    uint32_t refs;   /* references; not atomic, since a frame stays on one loop's thread */
    uint32_t head;   /* bytes of the chunk size line before the payload; 0: no chunk framing */
    uint32_t events; /* of a channel, that it holds */
    uint32_t queued_pieces; /* pieces of it in the queues of `account` */
    void *account;  /* the sse_queue_account that counts its memory, or NULL: http/queue.h */
    size_t payload; /* bytes of payload */
    sse_deflated *deflated; /* or NULL */
    char bytes[];           /* chunk size CRLF payload CRLF; the payload alone where head is 0 */
} sse_frame;

/* Makes a frame with chunk framing around a copy of the payload, with one reference. NULL: out of
 * memory, or the payload is empty, since an empty chunk would end the body. */
sse_frame *sse_frame_new(sse_slice payload);

/* Makes a frame with chunk framing and room for `payload` bytes (not 0), which the caller writes to
 * sse_frame_body before anybody else sees the frame. */
sse_frame *sse_frame_alloc(size_t payload);

/* Makes a frame without chunk framing, for response heads and bodies of known length: a copy of the
 * bytes, or room for `len` bytes, which the caller writes to sse_frame_body. */
sse_frame *sse_frame_raw(sse_slice bytes);
sse_frame *sse_frame_raw_alloc(size_t len);

/* Encodes an event into a frame with chunk framing. SSE_EINVAL (with the name of the bad *field);
 * SSE_ETOOBIG: it would take more than max bytes of payload; SSE_ENOMEM. */
int sse_frame_event(const sse_event *event, size_t max, sse_frame **out, const char **field);

static inline sse_slice sse_frame_payload(const sse_frame *f)
{
    return (sse_slice){ f->bytes + f->head, f->payload };
}

/* Where the payload is written, before anybody else sees the frame. */
static inline char *sse_frame_body(sse_frame *f)
{
    return f->bytes + f->head;
}

/* The payload as one HTTP/1.1 chunk (RFC 9112 section 7.1); as it is where there is no framing. */
static inline sse_slice sse_frame_chunk(const sse_frame *f)
{
    return (sse_slice){ f->bytes, f->head ? f->head + f->payload + 2 : f->payload };
}

/* Bytes of memory it takes, the allocator's overhead included, its deflated copy not. */
static inline size_t sse_frame_memory(const sse_frame *f)
{
    return sizeof *f + sse_frame_chunk(f).len + 16;
}

static inline sse_frame *sse_frame_ref(sse_frame *f)
{
    f->refs++;
    return f;
}

/* Frees the frame with its last reference. NULL is allowed. */
void sse_frame_unref(sse_frame *f);

/* Frees the deflated copy; the frame stays. Harmless where there is none. */
void sse_frame_drop_deflated(sse_frame *f);

#endif
