/* http1.h: HTTP/1.1 requests from bytes, response heads to bytes (RFC 9112, RFC 9110). Strict:
 * whatever two readers could understand in two ways is refused. No I/O, no allocation. */
#ifndef SSE_WIRE_HTTP1_H
#define SSE_WIRE_HTTP1_H

#include <stdint.h>

#include "buffer.h"
#include "slice.h"

#define SSE_HTTP1_MAX_FIELDS 100

typedef struct sse_http1_field {
    sse_slice name;
    sse_slice value; /* without white space around it */
} sse_http1_field;

typedef struct sse_http1_limits {
    size_t max_head;   /* bytes from the request line to the blank line, both included (431) */
    size_t max_target; /* bytes of request target (414) */
} sse_http1_limits;

/* What was wrong, for the answer: 400, 413, 414, 417, 431, 501 (CONNECT, a method too long to be
 * known, an unknown transfer coding), 505, and one clear sentence, a static string. */
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

/* Parses a request head out of bytes[0..len). Up to four leading empty lines are skipped and count
 * as used, but not against max_head. *scanned: 0 at first, then carried unchanged between calls
 * while the same bytes grow, so that a slow sender costs linear time (opaque: a position and a
 * state). SSE_OK: *used is where the body begins. SSE_EAGAIN: incomplete, nothing wrong so far.
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

/* The first field of that name (case-insensitive), or NULL. */
const sse_http1_field *sse_http1_find(const sse_http1_head *head, const char *name);

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

/* Appends "HTTP/1.minor status reason" and the fields and the blank line, or nothing. SSE_EINVAL:
 * a name that is no token, a value with a control character other than a tab; *bad (if not NULL)
 * is its index, or count where the status isn't of three digits. SSE_ETOOBIG, SSE_ENOMEM from the
 * buffer. */
int sse_http1_write_head(sse_buffer *out, int minor, int status, const sse_http1_field *fields,
                         size_t count, size_t *bad);

/* A token (RFC 9110 section 5.6.2): a method, a field name. What the value of a field may hold. */
bool sse_http1_is_token(sse_slice s);
bool sse_http1_is_value(sse_slice s);

/* The reason phrase of a status code, "" for one without. */
const char *sse_http1_reason(int status);

#endif
