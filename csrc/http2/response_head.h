/* response_head.h: the head of a response as nghttp2 takes it. */
#ifndef SSE_HTTP2_RESPONSE_HEAD_H
#define SSE_HTTP2_RESPONSE_HEAD_H

#include <nghttp2/nghttp2.h>

#include "../wire/http1.h"

/* An answer's head. It is kept until the flush, so that until then it can become another one. */
typedef struct sse_http2_response_head {
    size_t count;
    bool has_body;       /* DATA will follow */
    nghttp2_nv fields[]; /* and behind them the bytes they point into */
} sse_http2_response_head;

/* Lower-case names, without what is of the connection (RFC 9113 section 8.2.2). Errors as
 * sse_exchange_start's. */
int sse_http2_response_head_new(const char *date, int status, const sse_http1_field *fields,
                                size_t count, int64_t length, size_t *bad,
                                sse_http2_response_head **out);

#endif
