/* request_reader.h: what an HTTP/1 connection is reading: bytes that are not understood yet, and a
 * request whose body is to come. There is none while nothing is read. */
#ifndef SSE_HTTP1_REQUEST_READER_H
#define SSE_HTTP1_REQUEST_READER_H

#include "../http/bodies.h"

/* Bytes of further requests kept while one is being answered. */
#define SSE_HTTP1_MAX_WAITING ((size_t)32 << 10)

typedef struct sse_http1_reading {
    sse_context *context;
    sse_request *request; /* the request whose body is being read, or NULL */
    sse_arrival arrival;  /* of its body */
    sse_http1_body body;
    sse_buffer in;  /* bytes not understood yet */
    size_t scanned; /* see sse_http1_parse_head */
} sse_http1_reading;

/* NULL: out of memory. */
sse_http1_reading *sse_http1_reading_new(sse_context *context);

/* Its request too. NULL is allowed. */
void sse_http1_reading_free(sse_http1_reading *r);

/* Whether these are more than the head of a usual request. */
static inline bool sse_http1_reading_is_large(const sse_http1_reading *r)
{
    return r->in.len > SSE_USUAL_HEAD;
}

/* Keeps bytes that can't be understood yet. SSE_ETOOBIG, SSE_ENOMEM. */
int sse_http1_reading_keep(sse_http1_reading *r, sse_slice bytes);

/* Takes what of the bytes is the request's body, *used of them. SSE_OK: it is whole; SSE_EAGAIN:
 * more is needed; SSE_ENOMEM, or another code: refused, refusal->status says how (503 past
 * max_bodies). */
int sse_http1_reading_take(sse_http1_reading *r, const char *bytes, size_t len, size_t *used,
                           sse_http1_refusal *refusal);

#endif
