/* http1_body.h: reads a request's body by its Content-Length or by its chunks (RFC 9112 sections 6
 * and 7). */
#ifndef SSE_WIRE_HTTP1_BODY_H
#define SSE_WIRE_HTTP1_BODY_H

#include "http1.h"

/* A body decoder: by Content-Length, by chunks, or none. Small enough to live in a connection. */
typedef struct sse_http1_body {
    uint64_t left;  /* bytes still to come of the body or of the chunk */
    uint64_t total; /* body bytes seen so far */
    uint64_t max;   /* 413 past it */
    uint32_t extra; /* bytes of chunk extensions and trailers still allowed (431 past them) */
    uint8_t state;
    uint8_t digits; /* of the chunk size at hand */
    bool done;      /* the whole body was seen */
} sse_http1_body;

/* 413 at once for a Content-Length over max (SSE_EPROTO). `extra`: what the head left of its
 * limit. */
int sse_http1_body_init(sse_http1_body *b, const sse_http1_head *head, uint64_t max, size_t extra,
                        sse_http1_refusal *refusal);

/* Takes bytes[0..len): *used of them were consumed, *data is a piece of body within them (maybe
 * empty). Call again with the rest until *used == 0 or b->done. SSE_OK, or SSE_EPROTO with
 * *refusal; a refused body may not be fed again. Never consumes past the end of the body. Chunk
 * extensions and trailers are checked and dropped. */
int sse_http1_body_feed(sse_http1_body *b, const char *bytes, size_t len, size_t *used,
                        sse_slice *data, sse_http1_refusal *refusal);

#endif
