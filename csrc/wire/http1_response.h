/* http1_response.h: writes a response head (RFC 9112 section 4). */
#ifndef SSE_WIRE_HTTP1_RESPONSE_H
#define SSE_WIRE_HTTP1_RESPONSE_H

#include "buffer.h"
#include "http1.h"

/* Appends "HTTP/1.minor status reason" and the fields and the blank line, or nothing. SSE_EINVAL:
 * a name that is no token, a value with a control character other than a tab; *bad (if not NULL)
 * is its index, or count where the status isn't of three digits. SSE_ETOOBIG, SSE_ENOMEM from the
 * buffer. */
int sse_http1_write_head(sse_buffer *out, int minor, int status, const sse_http1_field *fields,
                         size_t count, size_t *bad);

/* The reason phrase of a status code, "" for one without. */
const char *sse_http1_reason(int status);

#endif
