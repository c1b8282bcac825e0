/* block.h: the parser's own: what the lines since the last empty line have gathered. A value lies
 * in the piece at hand as long as that lasts, and is copied only when it must outlive it, must be
 * joined to another or holds broken UTF-8. `high`: it has a byte outside of ASCII. */
#ifndef SSE_WIRE_BLOCK_H
#define SSE_WIRE_BLOCK_H

#include "buffer.h"

#define SSE_KEEP_IDLE 1024 /* an empty buffer larger than this is given back when a feed ends */
#define SSE_KEEP_BUSY (256 * 1024) /* and one that holds little when it is larger than this */

enum { SSE_NOWHERE, SSE_IN_PIECE, SSE_IN_OWN };

typedef struct sse_held {
    sse_slice piece;
    sse_buffer own;
    int where;
} sse_held;

typedef struct sse_block {
    sse_held data, type, id;
    size_t open_at; /* where in data.own the value of an open data line begins */
    size_t max;     /* bytes of data, LFs included, and of the value that comes to it */
    bool raw;       /* broken UTF-8 passes */
} sse_block;

void sse_block_init(sse_block *b, size_t max, bool raw);
void sse_block_free(sse_block *b);

/* Forgets all; the bytes stay where they are until something else is added. */
void sse_block_clear(sse_block *b);

/* Copies what lies in the piece. SSE_ENOMEM. */
int sse_block_settle(sse_block *b);

/* Gives back memory that an idle parser does not need. */
void sse_block_trim(sse_block *b);

/* The value of a data line, whole. SSE_ETOOBIG past max, SSE_ENOMEM. */
static inline int sse_block_add_data(sse_block *b, sse_slice value, bool high, bool in_piece);

/* The same in parts: open, any number of grow, close. */
int sse_block_open_data(sse_block *b);
int sse_block_grow_data(sse_block *b, sse_slice part);
int sse_block_close_data(sse_block *b, bool high);

/* Replaces what held (type or id) had. */
static inline int sse_block_hold(const sse_block *b, sse_held *held, sse_slice value, bool high,
                                 bool in_piece);

bool sse_block_is_broken(const sse_block *b, sse_slice value, bool high);

/* Whether a value that is not data is too much together with the data, an open data line's
 * included. */
static inline bool sse_block_too_big(const sse_block *b, size_t len)
{
    return len > b->max - (b->data.where == SSE_IN_PIECE ? b->data.piece.len : b->data.own.len);
}

static inline sse_slice sse_held_slice(const sse_held *h)
{
    return h->where == SSE_IN_PIECE ? h->piece : sse_buffer_slice(&h->own);
}

static inline void sse_held_clear(sse_held *h)
{
    h->where = SSE_NOWHERE;
    h->own.len = 0;
}

/* The two above where something must be copied. */
int sse_block_join_data(sse_block *b, sse_slice value, bool high);
int sse_block_store(const sse_block *b, sse_held *held, sse_slice value, bool high, bool in_piece);

static inline int sse_block_hold(const sse_block *b, sse_held *held, sse_slice value, bool high,
                                 bool in_piece)
{
    if (high || !in_piece)
        return sse_block_store(b, held, value, high, in_piece);
    held->piece = value;
    held->where = SSE_IN_PIECE;
    held->own.len = 0;
    return 0;
}

static inline int sse_block_add_data(sse_block *b, sse_slice value, bool high, bool in_piece)
{
    sse_buffer *own = &b->data.own;

    if (b->data.where == SSE_NOWHERE && value.len <= b->max)
        return sse_block_hold(b, &b->data, value, high, in_piece);
    if (b->data.where != SSE_IN_OWN || high || value.len >= own->cap - own->len)
        return sse_block_join_data(b, value, high);
    own->data[own->len] = '\n';
    memcpy(own->data + own->len + 1, value.at, value.len);
    own->len += value.len + 1;
    return 0;
}

#endif
