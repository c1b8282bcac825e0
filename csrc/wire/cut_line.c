#include "cut_line.h"

#include "error.h"

/* The name is complete: begins to store the value, or ignores the line. */
static int begin_value(sse_cut_line *l, sse_block *b, unsigned stored, int field, int state)
{
    bool is_stored = stored & 1u << field;
    int code = is_stored && field == SSE_FIELD_DATA ? sse_block_open_data(b) : SSE_OK;

    l->field = (unsigned char)field;
    l->state = (unsigned char)(is_stored ? state : SSE_LINE_SKIP);
    l->non_ascii = false;
    return code;
}

/* The name, of which `c` is the next character, is of no known field: ignores the line. */
static int begin_unknown(sse_cut_line *l, char c)
{
    int code = SSE_OK;

    l->field = SSE_FIELD_NONE;
    l->state = SSE_LINE_SKIP;
    if (!l->keeps_unknown)
        return SSE_OK;
    code = sse_buffer_append(&l->value, l->name, l->name_len);
    return code ? code : sse_buffer_append(&l->value, &c, 1);
}

/* Adds a character to the name. Ignores the line as soon as no field's name begins so. */
static int add_to_name(sse_cut_line *l, sse_block *b, unsigned stored, char c)
{
    static const char *const names[] = { "data", "event", "id", "retry" };
    size_t len = l->name_len;

    if (c == ':' && len == 0)
        return begin_value(l, b, stored, SSE_FIELD_COMMENT, SSE_LINE_VALUE);
    if (c == ':') {
        int field = sse_field_find(l->name, len, &len);

        return field ? begin_value(l, b, stored, field, SSE_LINE_COLON) : begin_unknown(l, c);
    }
    if (len < SSE_MAX_FIELD_NAME) {
        l->name[len++] = c;
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            if (!strncmp(l->name, names[i], len)) {
                l->name_len = (unsigned char)len;
                return SSE_OK;
            }
        }
    }
    return begin_unknown(l, c);
}

/* Adds to the kept beginning of a line of an unknown field. */
static int add_to_unknown(sse_cut_line *l, sse_slice part)
{
    size_t room = SSE_MAX_IGNORED - l->value.len;

    if (room == 0)
        return SSE_OK;
    return sse_buffer_append(&l->value, part.at, part.len < room ? part.len : room);
}

static int add_to_value(sse_cut_line *l, sse_block *b, sse_slice part)
{
    if (l->field == SSE_FIELD_DATA)
        return sse_block_grow_data(b, part);
    return sse_block_is_too_big(b, l->value.len + part.len)
               ? SSE_ETOOBIG
               : sse_buffer_append(&l->value, part.at, part.len);
}

int sse_cut_line_add(sse_cut_line *l, sse_block *b, unsigned stored, sse_slice part, bool non_ascii)
{
    const char *at = part.at, *end = at + part.len;
    int code = SSE_OK;

    if (l->state == SSE_LINE_START) {
        l->state = SSE_LINE_NAME;
        l->name_len = 0;
    }
    while (!code && at < end && l->state == SSE_LINE_NAME)
        code = add_to_name(l, b, stored, *at++);
    if (!code && at < end && l->state == SSE_LINE_COLON) {
        l->state = SSE_LINE_VALUE;
        at += *at == ' ';
    }
    if (!code && at < end && l->state == SSE_LINE_VALUE) {
        l->non_ascii |= non_ascii;
        code = add_to_value(l, b, (sse_slice){ at, (size_t)(end - at) });
    }
    if (!code && at < end && l->state == SSE_LINE_SKIP && !l->field && l->keeps_unknown)
        code = add_to_unknown(l, (sse_slice){ at, (size_t)(end - at) });
    return code;
}
