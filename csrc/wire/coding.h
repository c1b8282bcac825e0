/* coding.h: content codings (RFC 9110 sections 8.4.1 and 12.5.3): which one a client prefers, and
 * which media types it accepts; what goes around the deflated blocks of a body: gzip's head and
 * trailer (RFC 1952) or zlib's (RFC 1950). The trailer's check value is combined from those of the
 * body's pieces. */
#ifndef SSE_WIRE_CODING_H
#define SSE_WIRE_CODING_H

#include "frame.h"
#include "http1.h"

typedef enum sse_coding { SSE_CODING_NONE, SSE_CODING_GZIP, SSE_CODING_DEFLATE } sse_coding;

/* "gzip", "deflate"; "identity" for none. */
const char *sse_coding_name(sse_coding coding);

/* The coding that the Accept-Encoding fields among these prefer: gzip where the weights are equal,
 * none unless they name one or "*". A client that accepts no coding we have, nor identity, gets
 * identity all the same. A malformed weight counts as if the member were not there. */
sse_coding sse_coding_choose(const sse_http1_field *fields, size_t count);

/* Whether a field of that name, whose value is a list of tokens, has this token; case does not
 * matter. */
bool sse_fields_have_token(const sse_http1_field *fields, size_t count, const char *name,
                           const char *token);

/* Whether an Accept field among these names the media type, with a weight that is not 0. A range
 * such as "text/" with an asterisk does not count. */
bool sse_fields_accept(const sse_http1_field *fields, size_t count, const char *type);

/* The plain bytes of a coded body so far, for its trailer. */
typedef struct sse_sum {
    uint32_t check; /* for gzip their CRC-32, for deflate their Adler-32 */
    uint32_t bytes; /* their number, modulo 2^32 */
} sse_sum;

#define SSE_CODING_MAX_EDGE 16 /* bytes that a head or an end takes at most */

/* Writes the head of a body, and begins its sum; returns the head's length. */
size_t sse_coding_head(sse_coding coding, sse_sum *sum, char out[SSE_CODING_MAX_EDGE]);

/* Writes the end of a body, an empty final block and the trailer; returns its length. */
size_t sse_coding_end(sse_coding coding, const sse_sum *sum, char out[SSE_CODING_MAX_EDGE]);

/* Adds a piece of the body to its sum: by the piece's own check values and its number of plain
 * bytes, or by the plain bytes. */
void sse_sum_add_deflated(sse_sum *sum, sse_coding coding, const sse_deflated *deflated,
                          size_t bytes);
void sse_sum_add_plain(sse_sum *sum, sse_coding coding, sse_slice plain);

/* Sets the check values of a deflated copy, for sse_sum_add_deflated. plain: what was deflated. */
void sse_deflated_set_checks(sse_deflated *deflated, sse_slice plain);

#endif
