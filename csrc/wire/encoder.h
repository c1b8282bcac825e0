/* encoder.h: an event as bytes of text/event-stream (WHATWG HTML 9.2.5). A type or id with CR, LF
 * or NUL, which would start another field or be dropped by clients, is refused, not changed; so is
 * a negative retry. Data and comments are split at CRLF, CR and LF into a line each. */
#ifndef SSE_WIRE_ENCODER_H
#define SSE_WIRE_ENCODER_H

#include "buffer.h"
#include "event.h"

/* Appends the encoded event with its blank line, or nothing and returns a code. SSE_EINVAL: *field
 * (out, unless NULL) names the refused field: "event", "id" or "retry". SSE_ETOOBIG, SSE_ENOMEM: as
 * sse_buffer_append. */
int sse_encode_event(sse_buffer *out, const sse_event *event, const char **field);

/* Appends an id line alone, for an event that was encoded without its id. SSE_EINVAL: the id is
 * empty or can't be sent (*field as above). */
int sse_encode_id(sse_buffer *out, sse_slice id, const char **field);

/* Appends a comment: `: text` for each line of the text, and a blank line. An empty comment is
 * ":" LF LF. */
int sse_encode_comment(sse_buffer *out, sse_slice text);

#endif
