/* cut_line.h: for parser.c alone: a line that the end of a piece cuts, taken part by part. */
#ifndef SSE_WIRE_CUT_LINE_H
#define SSE_WIRE_CUT_LINE_H

#include "block.h"
#include "field.h"

/* Bytes that are kept of a block's lines of unknown fields. */
#define SSE_MAX_IGNORED 1024

/* How far a cut line was taken: not begun, within its name, behind its colon, within its value; or
 * it is ignored. */
enum { SSE_LINE_START, SSE_LINE_NAME, SSE_LINE_COLON, SSE_LINE_VALUE, SSE_LINE_SKIP };

/* All zeros but the buffer, which needs sse_buffer_init: no line is cut. */
typedef struct sse_cut_line {
    sse_buffer value; /* so far; the value of a data line is in the block instead. Of a line of an
                         unknown field: its beginning, of up to SSE_MAX_IGNORED bytes */
    unsigned char state;
    unsigned char field;    /* SSE_FIELD_..., from SSE_LINE_COLON on and in SSE_LINE_SKIP */
    unsigned char name_len; /* of `name` */
    bool keeps_unknown;     /* set by the parser: the beginning of unknown lines is kept */
    bool non_ascii;         /* the value has bytes past ASCII */
    char name[SSE_MAX_FIELD_NAME];
} sse_cut_line;

/* Adds a part of a line, without a line end. `stored` has the bit 1 << field of each field that is
 * not ignored. SSE_ETOOBIG: the value is past the block's maximum; SSE_ENOMEM. */
int sse_cut_line_add(sse_cut_line *l, sse_block *b, unsigned stored, sse_slice part,
                     bool non_ascii);

#endif
