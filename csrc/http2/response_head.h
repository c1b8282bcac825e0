/* response_head.h: the head of a response as nghttp2 takes it. */
#ifndef SSE_HTTP2_RESPONSE_HEAD_H
#define SSE_HTTP2_RESPONSE_HEAD_H

#include <nghttp2/nghttp2.h>

#include "../wire/http1.h"

/* One block of memory, to be freed by free(). It is submitted when the connection is flushed, so
 * that a response can still be replaced by another one until then. */
typedef struct sse_http2_response_head {
    size_t count;        /* fields, :status among them */
    bool has_body;       /* DATA follows; set by the caller */
    nghttp2_nv fields[]; /* and behind them the bytes that they point to */
} sse_http2_response_head;

/* Makes a head of the caller's fields, Date and Content-Length (see
 * sse_response_add_common_fields): names in lower case, without those of the connection (RFC 9113
 * section 8.2.2). SSE_EINVAL: a field or the status is not legal, *bad (if not NULL) is the field's
 * index; SSE_ETOOBIG: more than SSE_HTTP1_MAX_FIELDS fields or 256 KiB; SSE_ENOMEM. */
int sse_http2_response_head_new(const char *date, int status, const sse_http1_field *fields,
                                size_t count, int64_t length, size_t *bad,
                                sse_http2_response_head **out);

#endif
