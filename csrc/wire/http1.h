/* http1.h: what the readers and writers of HTTP/1.1 messages share (RFC 9112, RFC 9110): a field, a
 * request head, and what was wrong with a request. The readers are strict: they refuse whatever two
 * programs could understand in two ways. None of them does I/O or allocates. */
#ifndef SSE_WIRE_HTTP1_H
#define SSE_WIRE_HTTP1_H

#include <stdint.h>

#include "error.h"
#include "slice.h"

#define SSE_HTTP1_MAX_FIELDS 100

typedef struct sse_http1_field {
    sse_slice name;
    sse_slice value; /* without white space around it */
} sse_http1_field;

/* What was wrong, for the error response: 400, 413, 414, 417, 431, 501 (CONNECT, a method too long
 * to be known, an unknown transfer coding), 505, and one clear sentence, a static string. */
typedef struct sse_http1_refusal {
    int status;
    const char *reason;
} sse_http1_refusal;

/* A request head. Slices point into the bytes given to sse_http1_parse_head. */
typedef struct sse_http1_head {
    sse_slice method;
    sse_slice target; /* as sent: origin-form, absolute-form, or "*" for OPTIONS */
    int minor;        /* HTTP/1.minor: 0 or 1 */
    size_t field_count;
    sse_http1_field fields[SSE_HTTP1_MAX_FIELDS];
    bool keep_alive;        /* after Connection and the version */
    bool chunked;           /* Transfer-Encoding: chunked is the (only) coding */
    bool expect_continue;   /* Expect: 100-continue on HTTP/1.1, and a body is to come */
    int64_t content_length; /* -1: none given; INT64_MAX: that or more */
} sse_http1_head;

/* The first field of that name (case-insensitive), or NULL. */
const sse_http1_field *sse_http1_find(const sse_http1_head *head, const char *name);

/* Says what was wrong; returns SSE_EPROTO. */
static inline int sse_http1_refusal_set(sse_http1_refusal *refusal, int status, const char *reason)
{
    refusal->status = status;
    refusal->reason = reason;
    return SSE_EPROTO;
}

#endif
