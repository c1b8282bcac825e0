/* frame.h: immutable, reference-counted bytes that many receivers share: one encoded event (or any
 * piece of a streamed body) with the HTTP/1.1 chunk framing around it, in one allocation. */
#ifndef SSE_WIRE_FRAME_H
#define SSE_WIRE_FRAME_H

#include <stdint.h>

#include "encoder.h"
#include "slice.h"

/* What a frame's payload is deflated: made for the first receiver that wants it so, shared by all
 * of them, and gone with its frame. See deflater.h. */
typedef struct sse_deflated {
    struct sse_frame *alone;     /* refers to nothing before it; or NULL */
    struct sse_frame *linked;    /* refers to what is right before it; or NULL */
    uint64_t after;              /* the place in the log that linked is right for */
    uint32_t crc, crc_op, adler; /* of the payload: see coding.h */
} sse_deflated;

typedef struct sse_frame {
    uint32_t refs;          /* one loop, one thread: a plain counter */
    uint32_t head;          /* bytes of chunk size line before the payload; 0: no chunk framing */
    uint32_t events;        /* how many of a channel's it holds, for those who count */
    uint32_t queued;        /* how many pieces of queues hold it, of those that `payer` counts */
    void *payer;            /* whose account counts its memory, or NULL: see http/queue.h */
    size_t payload;         /* bytes of payload */
    sse_deflated *deflated; /* or NULL */
    char bytes[];           /* chunk size CRLF payload CRLF; or the bare bytes where head is 0 */
} sse_frame;

/* A frame around a copy of payload, with one reference, or NULL when out of memory. An empty
 * payload is refused with NULL too: its chunk would end the body. */
sse_frame *sse_frame_new(sse_slice payload);

/* A frame with room for that many bytes of payload, to be written to sse_frame_body; not empty. */
sse_frame *sse_frame_alloc(size_t payload);

/* A frame of bare bytes without chunk framing (response heads, whole bodies); chunk view = payload
 * view. */
sse_frame *sse_frame_raw(sse_slice bytes);

/* The same with len bytes that are still to be written, before anybody else sees them. */
sse_frame *sse_frame_blank(size_t len);

/* Encodes straight into a frame. SSE_EINVAL (with *field), SSE_ETOOBIG past max payload bytes,
 * SSE_ENOMEM. */
int sse_frame_event(const sse_event *event, size_t max, sse_frame **out, const char **field);

static inline sse_slice sse_frame_payload(const sse_frame *f)
{
    return (sse_slice){ f->bytes + f->head, f->payload };
}

static inline char *sse_frame_body(sse_frame *f)
{
    return f->bytes + f->head;
}

/* The payload as one HTTP/1.1 chunk (RFC 9112 section 7.1). */
static inline sse_slice sse_frame_chunk(const sse_frame *f)
{
    return (sse_slice){ f->bytes, f->head ? f->head + f->payload + 2 : f->payload };
}

/* Bytes of memory it takes, with the allocator's own; without its deflated copy. */
static inline size_t sse_frame_memory(const sse_frame *f)
{
    return sizeof *f + sse_frame_chunk(f).len + 16;
}

static inline sse_frame *sse_frame_ref(sse_frame *f)
{
    f->refs++;
    return f;
}

void sse_frame_unref(sse_frame *f); /* NULL is allowed */

/* Gives the deflated copy back, also where the frame stays. */
void sse_frame_drop_deflated(sse_frame *f);

#endif
