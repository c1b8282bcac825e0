#include "block.h"

#include <stdint.h>

#include "error.h"
#include "utf8.h"

void sse_block_init(sse_block *b, size_t max, bool raw)
{
    *b = (sse_block){ .max = max, .raw = raw };
    sse_buffer_init(&b->data.own, max);
    sse_buffer_init(&b->type.own, SIZE_MAX); /* these two are bounded by sse_block_too_big */
    sse_buffer_init(&b->id.own, SIZE_MAX);
}

void sse_block_free(sse_block *b)
{
    sse_buffer_free(&b->data.own);
    sse_buffer_free(&b->type.own);
    sse_buffer_free(&b->id.own);
}

void sse_block_clear(sse_block *b)
{
    sse_held_clear(&b->data);
    sse_held_clear(&b->type);
    sse_held_clear(&b->id);
}

static int settle(sse_held *h)
{
    int code = SSE_OK;

    if (h->where != SSE_IN_PIECE)
        return SSE_OK;
    code = sse_buffer_append(&h->own, h->piece.at, h->piece.len);
    h->where = SSE_IN_OWN;
    return code;
}

int sse_block_settle(sse_block *b)
{
    int code = settle(&b->data);

    if (!code)
        code = settle(&b->type);
    return code ? code : settle(&b->id);
}

void sse_block_trim(sse_block *b)
{
    sse_buffer *all[] = { &b->data.own, &b->type.own, &b->id.own };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sse_buffer_trim(all[i], all[i]->len ? SSE_KEEP_BUSY : SSE_KEEP_IDLE);
}

bool sse_block_is_broken(const sse_block *b, sse_slice value, bool high)
{
    return high && !b->raw && sse_utf8_valid(value) < value.len;
}

int sse_block_store(const sse_block *b, sse_held *held, sse_slice value, bool high, bool in_piece)
{
    bool broken = sse_block_is_broken(b, value, high);

    sse_held_clear(held);
    if (in_piece && !broken) {
        held->piece = value;
        held->where = SSE_IN_PIECE;
        return SSE_OK;
    }
    held->where = SSE_IN_OWN;
    return broken ? sse_utf8_replace(&held->own, value)
                  : sse_buffer_append(&held->own, value.at, value.len);
}

/* What was gathered moves to data.own, an LF behind it and room for len bytes more. */
static int join(sse_block *b, size_t len)
{
    sse_buffer *own = &b->data.own;
    int code = settle(&b->data);

    if (!code)
        code = sse_buffer_reserve(own, len + 1);
    if (!code)
        own->data[own->len++] = '\n';
    return code;
}

int sse_block_join_data(sse_block *b, sse_slice value, bool high)
{
    int code = SSE_OK;

    if (value.len > b->max)
        return SSE_ETOOBIG;
    code = join(b, value.len);
    if (code)
        return code;
    return sse_block_is_broken(b, value, high)
               ? sse_utf8_replace(&b->data.own, value)
               : sse_buffer_append(&b->data.own, value.at, value.len);
}

int sse_block_open_data(sse_block *b)
{
    int code = b->data.where == SSE_NOWHERE ? SSE_OK : join(b, 0);

    b->open_at = b->data.own.len;
    return code;
}

int sse_block_grow_data(sse_block *b, sse_slice part)
{
    return sse_buffer_append(&b->data.own, part.at, part.len);
}

int sse_block_close_data(sse_block *b, bool high)
{
    sse_buffer *own = &b->data.own;
    sse_buffer tail;
    sse_slice value = { 0 };
    size_t good = 0;
    int code = SSE_OK;

    b->data.where = SSE_IN_OWN;
    if (own->len == b->open_at)
        return SSE_OK;
    value = (sse_slice){ own->data + b->open_at, own->len - b->open_at };
    if (!sse_block_is_broken(b, value, high))
        return SSE_OK;
    good = sse_utf8_valid(value);
    sse_buffer_init(&tail, SIZE_MAX);
    code = sse_buffer_append(&tail, value.at + good, value.len - good);
    if (!code) {
        own->len = b->open_at + good;
        code = sse_utf8_replace(own, sse_buffer_slice(&tail));
    }
    sse_buffer_free(&tail);
    return code;
}
