/* coding.h: content codings (RFC 9110 sections 8.4.1 and 12.5.3): which one a client asks for, and
 * what goes around the deflated blocks of a body: gzip's head and trailer (RFC 1952) or zlib's (RFC
 * 1950), whose check values are put together from those of the pieces. */
#ifndef SSE_WIRE_CODING_H
#define SSE_WIRE_CODING_H

#include "frame.h"
#include "http1.h"

typedef enum sse_coding { SSE_CODING_NONE, SSE_CODING_GZIP, SSE_CODING_DEFLATE } sse_coding;

/* "gzip", "deflate"; "identity" for none. */
const char *sse_coding_name(sse_coding coding);

/* What the Accept-Encoding fields among these prefer, gzip where it is all the same; none unless
 * they ask for one. A client that takes neither nor identity gets identity all the same. What is
 * malformed in a list counts as not said. */
sse_coding sse_coding_choose(const sse_http1_field *fields, size_t count);

/* Whether one of the fields of that name (a list of tokens) has this token, in any case. */
bool sse_fields_list(const sse_http1_field *fields, size_t count, const char *name,
                     const char *token);

/* What a coded body has come to: the check value of its plain bytes, and their number. */
typedef struct sse_sum {
    uint32_t check; /* CRC-32 of gzip, Adler-32 of deflate */
    uint32_t bytes; /* modulo 2^32 */
} sse_sum;

#define SSE_CODING_AROUND 16 /* at least the bytes of a head or an end */

/* Writes what comes before the first block; returns its length. */
size_t sse_coding_head(sse_coding coding, sse_sum *sum, char out[SSE_CODING_AROUND]);

/* Writes the last, empty block and the trailer; returns their length. */
size_t sse_coding_end(sse_coding coding, const sse_sum *sum, char out[SSE_CODING_AROUND]);

/* The plain bytes of one more piece, by their own check values or as they are. */
void sse_sum_deflated(sse_sum *sum, sse_coding coding, const sse_deflated *deflated, size_t bytes);
void sse_sum_plain(sse_sum *sum, sse_coding coding, sse_slice plain);

/* The check values of plain bytes, for sse_sum_deflated. */
void sse_deflated_check(sse_deflated *deflated, sse_slice plain);

#endif
