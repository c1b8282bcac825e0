/* response_fields.h: the fields that a server adds to every response, and the rules for fields that
 * hold for both protocols (RFC 9110). */
#ifndef SSE_HTTP_RESPONSE_FIELDS_H
#define SSE_HTTP_RESPONSE_FIELDS_H

#include <time.h>

#include "../wire/http1.h"

#define SSE_RESPONSE_COMMON_FIELDS 2  /* most that sse_response_add_common_fields adds */
#define SSE_RESPONSE_LENGTH_SIZE   32 /* room for a Content-Length as text */

/* Appends to fields[0..count) Date with the value `date`, unless it is among them already, and
 * Content-Length where `length` (bytes of the body; -1: not known) is known and the status allows
 * the field. `fields` must have room for SSE_RESPONSE_COMMON_FIELDS more; the new ones point to
 * `date` and into `digits`. Returns the new count. */
size_t sse_response_add_common_fields(char digits[SSE_RESPONSE_LENGTH_SIZE], const char *date,
                                      int status, int64_t length, sse_http1_field *fields,
                                      size_t count);

/* A field that points to the two texts. */
sse_http1_field sse_response_text_field(const char *name, const char *value);

/* Retry-After of a random 1 to 10 s, so that refused clients do not all come back at once. The
 * field points into `room`. */
sse_http1_field sse_response_retry_after(char room[8]);

/* Writes `now` as the value of a Date field (RFC 9110 section 5.6.7): 29 bytes and a NUL. */
void sse_response_format_date(time_t now, char *out, size_t size);

/* Whether a response of that status may have a body (RFC 9112 section 6.3). */
static inline bool sse_response_has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

#endif
