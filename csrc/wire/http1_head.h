/* http1_head.h: reads a request head (RFC 9112 sections 2 to 5). */
#ifndef SSE_WIRE_HTTP1_HEAD_H
#define SSE_WIRE_HTTP1_HEAD_H

#include "http1.h"

typedef struct sse_http1_limits {
    size_t max_head_size; /* bytes from the request line to the blank line, both included (431) */
    size_t max_target;    /* bytes of request target (414) */
} sse_http1_limits;

/* Parses a request head out of bytes[0..len). Up to four leading empty lines are skipped and count
 * as used, but not against max_head_size. *scanned: 0 at first, then carried unchanged between
 * calls while the same bytes grow, so that a slow sender costs linear time (opaque: a position and
 * a state). SSE_OK: *used is where the body begins. SSE_EAGAIN: incomplete, nothing wrong so far.
 * SSE_EPROTO: refused, *refusal says why: what one byte shows (grammar, lengths, counts, the
 * version) at that byte, what only the fields together show (Host, body length, Expect, the
 * target's form) at the end of the head. *out is filled only with SSE_OK.
 *
 * Where the RFCs leave a choice: a line ends by CRLF only; versions but 1.0 and 1.1 are 505; a
 * second Host or Content-Length is refused also where it repeats the first, and so are lists in
 * them; Host may not be empty, may hold a reg-name, an IPv4 or a bracketed IPv6 address (neither
 * IPvFuture nor a zone) and a port up to 65535 or an empty one; the authority of an absolute-form
 * target (http or https only) must be the Host's, but for case; a Transfer-Encoding that doesn't
 * end in one plain "chunked" is 400, a coding before it 501. */
int sse_http1_parse_head(const char *bytes, size_t len, const sse_http1_limits *limits,
                         size_t *scanned, sse_http1_head *out, size_t *used,
                         sse_http1_refusal *refusal);

#endif
