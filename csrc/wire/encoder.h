/* encoder.h: event -> bytes of text/event-stream (WHATWG HTML 9.2.5). What would start another
 * field or event is refused, never bent: CR, LF or NUL in type or id, a negative retry. In data,
 * CRLF, CR and LF all become line ends (one `data:` line each), as the format has it; in a comment
 * likewise. */
#ifndef SSE_WIRE_ENCODER_H
#define SSE_WIRE_ENCODER_H

#include "buffer.h"
#include "event.h"

/* Appends the encoded event, blank line included, or nothing at all. SSE_EINVAL: *field (if not
 * NULL) names the field that was refused ("event", "id", "retry"). SSE_ETOOBIG, SSE_ENOMEM from the
 * buffer. */
int sse_encode_event(sse_buffer *out, const sse_event *event, const char **field);

/* Appends the line of an id alone, for events that get theirs apart. SSE_EINVAL: it is empty or
 * can't be sent (*field as above). */
int sse_encode_id(sse_buffer *out, sse_slice id, const char **field);

/* Appends `: text` lines and a blank line. An empty comment is ":" LF LF. */
int sse_encode_comment(sse_buffer *out, sse_slice text);

#endif
