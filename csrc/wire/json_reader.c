#include "json_reader.h"

#include "decimal.h"

void sse_json_reader_init(sse_json_reader *r, sse_slice text, bool replace)
{
    r->text = text;
    r->at = text.at;
    r->state = SSE_JSON_AT_VALUE;
    r->replace = replace;
    r->in_object = false;
    r->depth = 0;
    r->fault = (sse_json_fault){ 0 };
}

static const char *end_of(const sse_json_reader *r)
{
    return r->text.at + r->text.len;
}

static sse_json_kind fail(sse_json_reader *r, const char *what, const char *at)
{
    r->fault = (sse_json_fault){ what, at };
    return SSE_JSON_FAULT;
}

/* Says whether a character that is read as the next one of an array or object is its end. */
static bool is_end(const sse_json_reader *r, char c)
{
    return c == (r->in_object ? '}' : ']');
}

static sse_json_kind open_level(sse_json_reader *r, bool object)
{
    uint64_t *bits = NULL, bit = 0;

    if (r->depth == SSE_JSON_MAX_DEPTH)
        return fail(r, SSE_JSON_TOO_DEEP, r->at);
    if (r->depth > 0) { /* notes what the level around this one is */
        bits = &r->objects[(r->depth - 1) / 64];
        bit = (uint64_t)1 << (r->depth - 1) % 64;
        *bits = r->in_object ? *bits | bit : *bits & ~bit;
    }
    r->depth++;
    r->in_object = object;
    r->state = SSE_JSON_AT_FIRST;
    r->at++;
    return object ? SSE_JSON_OBJECT : SSE_JSON_ARRAY;
}

static sse_json_kind close_level(sse_json_reader *r)
{
    bool object = r->in_object;

    r->depth--;
    r->in_object = r->depth > 0 && (r->objects[(r->depth - 1) / 64] >> (r->depth - 1) % 64 & 1);
    r->state = SSE_JSON_AT_NEXT;
    r->at++;
    return object ? SSE_JSON_OBJECT_END : SSE_JSON_ARRAY_END;
}

static sse_json_kind read_word(sse_json_reader *r, const char *word, size_t len, sse_json_kind kind)
{
    const char *end = end_of(r);

    for (size_t i = 0; i < len; i++)
        if (r->at + i == end || r->at[i] != word[i])
            return fail(r, i == 0 ? "expected a value" : "expected true, false or null",
                        i == 0 ? r->at : r->at + i);
    r->at += len;
    r->state = SSE_JSON_AT_NEXT;
    return kind;
}

static sse_json_kind read_number(sse_json_reader *r, sse_json_token *token)
{
    sse_number number;
    const char *next = sse_number_read(r->at, end_of(r), &number);

    switch (number.kind) {
    case SSE_NUMBER_INTEGER:
        token->integer = number.integer;
        break;
    case SSE_NUMBER_DOUBLE:
        token->real = number.real;
        break;
    case SSE_NUMBER_RANGE:
        return fail(r, "a number that is too large", r->at);
    default:
        if (next < end_of(r) && *next >= '0' && *next <= '9')
            return fail(r, "a number that begins with 0", next);
        return fail(r, "expected a digit", next);
    }
    r->at = next;
    r->state = SSE_JSON_AT_NEXT;
    return number.kind == SSE_NUMBER_INTEGER ? SSE_JSON_INTEGER : SSE_JSON_DOUBLE;
}

static sse_json_kind read_string(sse_json_reader *r, sse_json_token *token)
{
    const char *next =
        sse_json_string_read(r->at + 1, end_of(r), r->replace, &token->string, &r->fault);

    if (!next)
        return SSE_JSON_FAULT;
    r->at = next;
    r->state = SSE_JSON_AT_NEXT;
    return SSE_JSON_STRING;
}

/* Reads a name and the colon after it. */
static sse_json_kind read_name(sse_json_reader *r, sse_json_token *token)
{
    const char *end = end_of(r);

    if (r->at == end || *r->at != '"')
        return fail(r,
                    r->state == SSE_JSON_AT_FIRST ? "expected a name in '\"' or '}'"
                                                  : "expected a name in '\"'",
                    r->at);
    if (read_string(r, token) == SSE_JSON_FAULT)
        return SSE_JSON_FAULT;
    r->at = sse_json_skip_blanks(r->at, end);
    if (r->at == end || *r->at != ':')
        return fail(r, "expected ':'", r->at);
    r->at++;
    r->state = SSE_JSON_AT_VALUE;
    return SSE_JSON_NAME;
}

static sse_json_kind read_value(sse_json_reader *r, sse_json_token *token)
{
    if (r->at == end_of(r))
        return fail(r, "expected a value", r->at);
    switch (*r->at) {
    case '"':
        return read_string(r, token);
    case '{':
        return open_level(r, true);
    case '[':
        return open_level(r, false);
    case 't':
        return read_word(r, "true", 4, SSE_JSON_TRUE);
    case 'f':
        return read_word(r, "false", 5, SSE_JSON_FALSE);
    case 'n':
        return read_word(r, "null", 4, SSE_JSON_NULL);
    default:
        if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))
            return read_number(r, token);
        return fail(r, "expected a value", r->at);
    }
}

sse_json_kind sse_json_next_any(sse_json_reader *r, sse_json_token *token)
{
    const char *end = end_of(r);

    r->at = sse_json_skip_blanks(r->at, end);
    if (r->state == SSE_JSON_AT_VALUE)
        return read_value(r, token);
    if (r->depth == 0)
        return r->at == end ? SSE_JSON_END : fail(r, "expected the end of the text", r->at);
    if (r->at < end && is_end(r, *r->at))
        return close_level(r);
    if (r->state == SSE_JSON_AT_NEXT) {
        if (r->at == end || *r->at != ',')
            return fail(r, r->in_object ? "expected ',' or '}'" : "expected ',' or ']'", r->at);
        r->at = sse_json_skip_blanks(r->at + 1, end);
    }
    return r->in_object ? read_name(r, token) : read_value(r, token);
}
