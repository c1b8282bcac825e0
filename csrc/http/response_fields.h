/* response_fields.h: the head of an HTTP/1 answer as a frame: the caller's fields, then Date and
 * what the connection needs (RFC 9112). */
#ifndef SSE_HTTP_RESPONSE_FIELDS_H
#define SSE_HTTP_RESPONSE_FIELDS_H

#include <time.h>

#include "../wire/error.h"
#include "../wire/frame.h"
#include "../wire/http1.h"

typedef struct sse_http1_answer {
    int minor; /* of the request's HTTP/1.minor */
    int status;
    int64_t length; /* of the body, or -1: streamed */
    bool chunked, keep_alive;
    const char *date; /* of the Date field */
} sse_http1_answer;

/* SSE_EINVAL: a bad field, *bad is its index; SSE_ETOOBIG, SSE_ENOMEM. */
int sse_http1_head_frame(const sse_http1_answer *a, const sse_http1_field *fields, size_t count,
                         size_t *bad, sse_frame **frame);

#define SSE_HTTP1_OWN_FIELDS 2 /* most that sse_http1_add_own adds */
#define SSE_HTTP1_DIGITS     24

/* What an answer of any protocol has beside the caller's fields: Date, unless it is among them, and
 * Content-Length where the length is known and the status has one, whose text is `digits`. Returns
 * the new count. */
size_t sse_http1_add_own(char digits[SSE_HTTP1_DIGITS], const char *date, int status,
                         int64_t length, sse_http1_field *fields, size_t count);

sse_http1_field sse_http1_text_field(const char *name, const char *value);

/* Retry-After of 1 to 10 s, so that the refused don't all come back at once. `room` is its text. */
sse_http1_field sse_http1_retry_after(char room[8]);

/* The Date field's value now: as RFC 9110 section 5.6.7 wants it. */
void sse_http1_format_date(time_t now, char *out, size_t size);

/* Whether an answer of that status may have a body (RFC 9112 section 6.3). */
static inline bool sse_http1_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

#endif
