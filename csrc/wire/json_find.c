#include "json_find.h"

/* What passes over a value returns the byte after it, or NULL where it is no JSON. What is wrong
 * there is found out afterwards, by reading the text again with json_reader. Nothing compares with
 * the end of the text where it looks for a certain character, because a NUL is there. */
typedef struct finder {
    const char *end;
    const sse_json_key *keys;
    size_t count;
    bool found; /* the value is what the keys lead to, in what was read */
    sse_json_value *value;
} finder;

SSE_JSON_HOT const char *read_string(const char *at, const char *end, sse_json_string *out)
{
    sse_json_fault fault;

    return sse_json_string_read(at + 1, end, false, out, &fault);
}

SSE_JSON_HOT bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

SSE_JSON_HOT const char *skip_digits(const char *at)
{
    const char *from = at;

    while (is_digit(*at))
        at++;
    return at > from ? at : NULL;
}

static const char *skip_number(const char *at)
{
    if (*at == '-')
        at++;
    if (*at == '0')
        at++;
    else
        at = skip_digits(at);
    if (at && *at == '.')
        at = skip_digits(at + 1);
    if (at && (*at == 'e' || *at == 'E')) {
        at++;
        if (*at == '+' || *at == '-')
            at++;
        at = skip_digits(at);
    }
    return at;
}

SSE_JSON_HOT const char *skip_blanks(const char *at)
{
    if ((unsigned char)*at > ' ')
        return at;
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')
        at++;
    return at;
}

/* Says whether `c` is at `at`, with a byte behind it that is no blank. */
SSE_JSON_HOT bool is_tight(const char *at, char c)
{
    return at[0] == c && (unsigned char)at[1] > ' ';
}

SSE_JSON_HOT const char *skip_word(const char *at, const char *end, const char *word, size_t len)
{
    return (size_t)(end - at) >= len && memcmp(at, word, len) == 0 ? at + len : NULL;
}

/* Passes over a value that is no array or object. */
SSE_JSON_HOT const char *skip_scalar(const char *at, const char *end)
{
    sse_json_string string;

    switch (*at) {
    case '"':
        return read_string(at, end, &string);
    case 't':
        return skip_word(at, end, "true", 4);
    case 'f':
        return skip_word(at, end, "false", 5);
    case 'n':
        return skip_word(at, end, "null", 4);
    default:
        return *at == '-' || is_digit(*at) ? skip_number(at) : NULL;
    }
}

/* Reads a name and its colon; returns where the value begins. */
SSE_JSON_HOT const char *read_name(const char *at, const char *end, sse_json_string *name)
{
    if (*at != '"')
        return NULL;
    at = read_string(at, end, name);
    if (!at)
        return NULL;
    if (is_tight(at, ':'))
        return at + 1;
    at = skip_blanks(at);
    return *at == ':' ? skip_blanks(at + 1) : NULL;
}

/* Goes from the end of a member behind its comma; to *closed and the byte after the `close` of the
 * array or object where there is no further member. */
SSE_JSON_HOT const char *next_member(const char *at, char close, bool *closed)
{
    *closed = false;
    if (is_tight(at, ','))
        return at + 1;
    at = skip_blanks(at);
    *closed = *at == close;
    if (*closed)
        return at + 1;
    return *at == ',' ? skip_blanks(at + 1) : NULL;
}

/* Passes over an array or object; `depth` arrays and objects are around it. */
static const char *skip_nested(const char *at, const char *end, unsigned depth)
{
    uint64_t objects[(SSE_JSON_MAX_DEPTH + 64) / 64] = { 0 }; /* bit n: level n + 1 is an object */
    unsigned level = depth;
    bool object = false, closed = false;
    sse_json_string name;

    for (;;) {
        if (*at == '{' || *at == '[') {
            if (level == SSE_JSON_MAX_DEPTH)
                return NULL;
            object = *at == '{';
            objects[level / 64] &= ~((uint64_t)1 << level % 64);
            objects[level / 64] |= (uint64_t)object << level % 64;
            level++;
            at = skip_blanks(at + 1);
            closed = *at == (object ? '}' : ']');
            at += closed;
        } else {
            at = skip_scalar(at, end);
            if (at)
                at = next_member(at, object ? '}' : ']', &closed);
        }
        while (at && closed) { /* the innermost array or object has ended */
            if (--level == depth)
                return at;
            object = objects[(level - 1) / 64] >> (level - 1) % 64 & 1;
            at = next_member(at, object ? '}' : ']', &closed);
        }
        if (at && object)
            at = read_name(at, end, &name);
        if (!at)
            return NULL;
    }
}

SSE_JSON_HOT const char *skip_value(const char *at, const char *end, size_t depth)
{
    if (*at == '{' || *at == '[')
        return skip_nested(at, end, (unsigned)depth);
    return skip_scalar(at, end);
}

/* --- finding ---------------------------------------------------------------------------------- */

static const char *find_in(finder *f, const char *from, size_t level);

/* Reads an object, at its '{', looking for the name that is the key at `level`. */
static const char *find_member(finder *f, const char *at, size_t level)
{
    const sse_slice key = f->keys[level].name;
    const char *end = f->end;
    sse_json_string name;
    bool closed = false;

    at = skip_blanks(at + 1);
    if (*at == '}')
        return at + 1;
    while (!closed) {
        at = read_name(at, end, &name);
        if (!at)
            return NULL;
        if (sse_json_string_is(&name, key))
            at = find_in(f, at, level + 1);
        else
            at = skip_value(at, end, level + 1);
        if (!at)
            return NULL;
        at = next_member(at, '}', &closed);
        if (!at)
            return NULL;
    }
    return at;
}

/* Reads an array, at its '[', looking for the place that is the key at `level`. */
static const char *find_element(finder *f, const char *at, size_t level)
{
    const char *end = f->end;
    bool closed = false;

    at = skip_blanks(at + 1);
    if (*at == ']')
        return at + 1;
    for (int64_t place = 1; at && !closed; place++) {
        if (place == f->keys[level].place)
            at = find_in(f, at, level + 1);
        else
            at = skip_value(at, end, level + 1);
        if (at)
            at = next_member(at, ']', &closed);
    }
    return at;
}

/* Reads the value to which the first `level` keys lead, and looks in it for what the others lead
 * to. It replaces what was found in a member of the same name before. Recurs once a key. */
static const char *find_in(finder *f, const char *from, size_t level)
{
    const char *next = NULL;

    f->value->string.raw.at = NULL;
    f->found = false;
    if (level < f->count) {
        bool name = f->keys[level].name.at != NULL;

        if (*from == (name ? '{' : '['))
            return name ? find_member(f, from, level) : find_element(f, from, level);
    }
    if (level == f->count && *from == '"')
        next = read_string(from, f->end, &f->value->string);
    else
        next = skip_value(from, f->end, level);
    if (next && level == f->count) {
        f->found = true;
        f->value->text = (sse_slice){ from, (size_t)(next - from) };
    }
    return next;
}

/* Reads a text up to what is wrong with it. */
static void explain(sse_slice text, sse_json_fault *fault)
{
    sse_json_reader reader;
    sse_json_token token;
    sse_json_kind kind = SSE_JSON_NULL;

    sse_json_reader_init(&reader, text, false);
    while (kind > SSE_JSON_END)
        kind = sse_json_next(&reader, &token);
    *fault = reader.fault;
}

sse_json_found sse_json_find(sse_slice text, const sse_json_key *keys, size_t count,
                             sse_json_value *value, sse_json_fault *fault)
{
    finder f = { .end = text.at + text.len, .keys = keys, .count = count, .value = value };
    const char *at = NULL;

    if (count > SSE_JSON_MAX_DEPTH)
        return SSE_JSON_NOT_FOUND;
    at = find_in(&f, skip_blanks(text.at), 0);
    if (f.found)
        return SSE_JSON_FOUND;
    if (at && skip_blanks(at) == f.end)
        return SSE_JSON_NOT_FOUND;
    explain(text, fault);
    return SSE_JSON_BROKEN;
}
