#include "block.h"

#include <stdint.h>

#include "error.h"
#include "utf8.h"

void sse_block_init(sse_block *b, size_t max, bool raw)
{
    *b = (sse_block){ .max = max, .raw = raw };
    sse_buffer_init(&b->data.own, max);
    sse_buffer_init(&b->type.own, SIZE_MAX); /* type and id are bounded by sse_block_is_too_big */
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
    sse_block_field_clear(&b->data);
    sse_block_field_clear(&b->type);
    sse_block_field_clear(&b->id);
}

/* Copies a value that lies in the piece. */
static int copy_field(sse_block_field *h)
{
    int code = SSE_OK;

    if (h->place != SSE_VALUE_IN_PIECE)
        return SSE_OK;
    code = sse_buffer_append(&h->own, h->piece.at, h->piece.len);
    h->place = SSE_VALUE_OWNED;
    return code;
}

int sse_block_copy_fields(sse_block *b)
{
    int code = copy_field(&b->data);

    if (!code)
        code = copy_field(&b->type);
    return code ? code : copy_field(&b->id);
}

void sse_block_trim(sse_block *b)
{
    sse_buffer *all[] = { &b->data.own, &b->type.own, &b->id.own };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        sse_buffer_trim(all[i], all[i]->len ? SSE_KEEP_USED : SSE_KEEP_EMPTY);
}

bool sse_block_needs_repair(const sse_block *b, sse_slice value, bool non_ascii)
{
    return non_ascii && !b->raw && sse_utf8_valid(value) < value.len;
}

int sse_block_set_checked(const sse_block *b, sse_block_field *field, sse_slice value,
                          bool non_ascii, bool in_piece)
{
    bool broken = sse_block_needs_repair(b, value, non_ascii);

    sse_block_field_clear(field);
    if (in_piece && !broken) {
        field->piece = value;
        field->place = SSE_VALUE_IN_PIECE;
        return SSE_OK;
    }
    field->place = SSE_VALUE_OWNED;
    return broken ? sse_utf8_replace(&field->own, value)
                  : sse_buffer_append(&field->own, value.at, value.len);
}

/* Moves the data to data.own, appends an LF and makes room for len bytes more. */
static int append_line_end(sse_block *b, size_t len)
{
    sse_buffer *own = &b->data.own;
    int code = copy_field(&b->data);

    if (!code)
        code = sse_buffer_reserve(own, len + 1);
    if (!code)
        own->data[own->len++] = '\n';
    return code;
}

int sse_block_join_data(sse_block *b, sse_slice value, bool non_ascii)
{
    int code = SSE_OK;

    if (value.len > b->max)
        return SSE_ETOOBIG;
    code = append_line_end(b, value.len);
    if (code)
        return code;
    return sse_block_needs_repair(b, value, non_ascii)
               ? sse_utf8_replace(&b->data.own, value)
               : sse_buffer_append(&b->data.own, value.at, value.len);
}

int sse_block_open_data(sse_block *b)
{
    int code = b->data.place == SSE_VALUE_ABSENT ? SSE_OK : append_line_end(b, 0);

    b->open_line = b->data.own.len;
    return code;
}

int sse_block_grow_data(sse_block *b, sse_slice part)
{
    return sse_buffer_append(&b->data.own, part.at, part.len);
}

int sse_block_close_data(sse_block *b, bool non_ascii)
{
    sse_buffer *own = &b->data.own;
    sse_buffer tail;
    sse_slice value = { 0 };
    size_t good = 0;
    int code = SSE_OK;

    b->data.place = SSE_VALUE_OWNED;
    if (own->len == b->open_line)
        return SSE_OK;
    value = (sse_slice){ own->data + b->open_line, own->len - b->open_line };
    if (!sse_block_needs_repair(b, value, non_ascii))
        return SSE_OK;
    good = sse_utf8_valid(value);
    sse_buffer_init(&tail, SIZE_MAX);
    code = sse_buffer_append(&tail, value.at + good, value.len - good);
    if (!code) {
        own->len = b->open_line + good;
        code = sse_utf8_replace(own, sse_buffer_slice(&tail));
    }
    sse_buffer_free(&tail);
    return code;
}
