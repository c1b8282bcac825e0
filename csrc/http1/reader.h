/* reader.h: what an HTTP/1 session holds while a request arrives: bytes that are not parsed yet,
 * and the request whose body is still arriving. A session has a reader only while there is such
 * input. What it holds counts towards max_bodies. */
#ifndef SSE_HTTP1_READER_H
#define SSE_HTTP1_READER_H

#include "../http/bodies.h"
#include "../wire/http1_body.h"

/* Bytes of pipelined requests that are buffered while a request is being answered. */
#define SSE_HTTP1_MAX_PIPELINED ((size_t)32 << 10)

typedef struct sse_http1_reader {
    sse_context *context;
    sse_request *request;       /* its head is parsed and its body is arriving; NULL: no head yet */
    sse_incoming_body incoming; /* of the request's body */
    sse_http1_body body;        /* the body's framing */
    sse_buffer in;              /* bytes that are not parsed yet */
    size_t scanned;             /* bytes of `in` in which the head is known not to end */
} sse_http1_reader;

/* NULL: out of memory. */
sse_http1_reader *sse_http1_reader_new(sse_context *context);

/* Frees the reader and drops its request. NULL is allowed. */
void sse_http1_reader_free(sse_http1_reader *r);

/* Whether more is buffered than the head of a usual request. */
static inline bool sse_http1_reader_is_large(const sse_http1_reader *r)
{
    return r->in.len > SSE_SMALL_HEAD;
}

/* Buffers a copy of bytes that can't be parsed yet. SSE_ETOOBIG, SSE_ENOMEM. */
int sse_http1_reader_buffer(sse_http1_reader *r, sse_slice bytes);

/* Appends to the request's body what of `bytes` belongs to it, and stores in *used how many bytes
 * that were, framing included. SSE_OK: the body is whole. SSE_EAGAIN: it is not. Any other code:
 * the request cannot be served; refusal->status and ->reason are the response (503 past
 * max_bodies), or status stays 0 where memory ran out. */
int sse_http1_reader_take_body(sse_http1_reader *r, const char *bytes, size_t len, size_t *used,
                               sse_http1_refusal *refusal);

#endif
