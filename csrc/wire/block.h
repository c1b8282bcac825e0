/* block.h: for parser.c alone: the fields since the last empty line. A field's value lies in the
 * piece at hand, in place; it is copied only if the piece ends before the block does, if another
 * data line is appended, or if it holds broken UTF-8. In all functions `non_ascii` says that the
 * value may have bytes past ASCII, and `in_piece` that the value lies in the piece at hand. */
#ifndef SSE_WIRE_BLOCK_H
#define SSE_WIRE_BLOCK_H

#include "buffer.h"

/* Bytes of memory that a buffer keeps when a feed ends: one that is empty, and one that is not but
 * uses an eighth at most. */
#define SSE_KEEP_EMPTY 1024
#define SSE_KEEP_USED  (256 * 1024)

enum { SSE_VALUE_ABSENT, SSE_VALUE_IN_PIECE, SSE_VALUE_OWNED };

typedef struct sse_block_field {
    sse_slice piece; /* the value, if `place` is SSE_VALUE_IN_PIECE */
    sse_buffer own;  /* the value, if `place` is SSE_VALUE_OWNED */
    int place;       /* SSE_VALUE_... */
} sse_block_field;

typedef struct sse_block {
    sse_block_field data, type, id;
    size_t open_line; /* offset in data.own of the data line that sse_block_open_data began */
    size_t max;       /* bytes of data with its LFs, and of the value of another line, together */
    bool raw;         /* broken UTF-8 is not replaced */
} sse_block;

void sse_block_init(sse_block *b, size_t max, bool raw);
void sse_block_free(sse_block *b);

/* Makes all fields absent. Their bytes stay in place until a field is set again. */
void sse_block_clear(sse_block *b);

/* Copies the values that lie in the piece, before the piece ends. SSE_ENOMEM. */
int sse_block_copy_fields(sse_block *b);

/* Shrinks the buffers at the end of a feed: see SSE_KEEP_EMPTY. */
void sse_block_trim(sse_block *b);

/* Adds the whole value of a data line. SSE_ETOOBIG past max, SSE_ENOMEM. */
static inline int sse_block_add_data(sse_block *b, sse_slice value, bool non_ascii, bool in_piece);

/* Add the value of a data line in parts: open, any number of grow, close. Codes as above. */
int sse_block_open_data(sse_block *b);
int sse_block_grow_data(sse_block *b, sse_slice part);
int sse_block_close_data(sse_block *b, bool non_ascii);

/* Sets a field (type or id), which loses the value that it had. SSE_ENOMEM. */
static inline int sse_block_set_field(const sse_block *b, sse_block_field *field, sse_slice value,
                                      bool non_ascii, bool in_piece);

/* Says whether broken UTF-8 in the value is to be replaced. */
bool sse_block_needs_repair(const sse_block *b, sse_slice value, bool non_ascii);

/* Says whether a value of this length, of a field other than data, is past max together with the
 * data, of which an unfinished line counts too. */
static inline bool sse_block_is_too_big(const sse_block *b, size_t len)
{
    return len >
           b->max - (b->data.place == SSE_VALUE_IN_PIECE ? b->data.piece.len : b->data.own.len);
}

static inline sse_slice sse_block_field_value(const sse_block_field *h)
{
    return h->place == SSE_VALUE_IN_PIECE ? h->piece : sse_buffer_slice(&h->own);
}

static inline void sse_block_field_clear(sse_block_field *h)
{
    h->place = SSE_VALUE_ABSENT;
    h->own.len = 0;
}

/* sse_block_add_data and sse_block_set_field, where a value may have to be copied. */
int sse_block_join_data(sse_block *b, sse_slice value, bool non_ascii);
int sse_block_set_checked(const sse_block *b, sse_block_field *field, sse_slice value,
                          bool non_ascii, bool in_piece);

static inline int sse_block_set_field(const sse_block *b, sse_block_field *field, sse_slice value,
                                      bool non_ascii, bool in_piece)
{
    if (non_ascii || !in_piece)
        return sse_block_set_checked(b, field, value, non_ascii, in_piece);
    field->piece = value;
    field->place = SSE_VALUE_IN_PIECE;
    field->own.len = 0;
    return 0;
}

static inline int sse_block_add_data(sse_block *b, sse_slice value, bool non_ascii, bool in_piece)
{
    sse_buffer *own = &b->data.own;

    if (b->data.place == SSE_VALUE_ABSENT && value.len <= b->max)
        return sse_block_set_field(b, &b->data, value, non_ascii, in_piece);
    if (b->data.place != SSE_VALUE_OWNED || non_ascii || value.len >= own->cap - own->len)
        return sse_block_join_data(b, value, non_ascii);
    own->data[own->len] = '\n';
    memcpy(own->data + own->len + 1, value.at, value.len);
    own->len += value.len + 1;
    return 0;
}

#endif
