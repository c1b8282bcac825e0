/* response_head.h: the head of an HTTP/1 response as a frame (RFC 9112): the caller's fields, then
 * Date, Content-Length, Transfer-Encoding and Connection. */
#ifndef SSE_HTTP1_RESPONSE_HEAD_H
#define SSE_HTTP1_RESPONSE_HEAD_H

#include "../wire/frame.h"
#include "../wire/http1.h"

typedef struct sse_http1_response_head {
    int minor; /* of the request's HTTP/1.minor: tells how keep-alive is written */
    int status;
    int64_t length;   /* bytes of the body; -1: not known */
    bool chunked;     /* the body is sent in chunks */
    bool keep_alive;  /* the connection stays open after the body */
    const char *date; /* value of the Date field */
} sse_http1_response_head;

/* Builds the head; *frame is the caller's. SSE_EINVAL: a field or the status is not legal, *bad (if
 * not NULL) is the field's index; SSE_ETOOBIG: more than SSE_HTTP1_MAX_FIELDS fields or 256 KiB;
 * SSE_ENOMEM. */
int sse_http1_build_head(const sse_http1_response_head *head, const sse_http1_field *fields,
                         size_t count, size_t *bad, sse_frame **frame);

#endif
