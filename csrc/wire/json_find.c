#include "json_find.h"

typedef struct finder {
    const char *end;
    const sse_json_key *keys;
    size_t count;
    bool found; /* the value is what the keys lead to, in what was read */
    sse_json_value *value;
    sse_json_fault fault;
} finder;

static const char *fail(sse_json_fault *fault, const char *what, const char *at)
{
    *fault = (sse_json_fault){ what, at };
    return NULL;
}

SSE_JSON_HOT const char *skip_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

/* Passes over digits, of which there must be one. */
static const char *need_digits(const char *at, const char *end, sse_json_fault *fault)
{
    const char *next = skip_digits(at, end);

    return next > at ? next : fail(fault, "expected a digit", at);
}

static const char *skip_number(const char *at, const char *end, sse_json_fault *fault)
{
    if (*at == '-')
        at++;
    if (at < end && *at == '0')
        at++;
    else
        at = need_digits(at, end, fault);
    if (at && at < end && *at == '.')
        at = need_digits(at + 1, end, fault);
    if (at && at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        at = need_digits(at, end, fault);
    }
    return at;
}

static const char *skip_word(const char *at, const char *end, const char *word, size_t len,
                             sse_json_fault *fault)
{
    if ((size_t)(end - at) >= len && memcmp(at, word, len) == 0)
        return at + len;
    return fail(fault, "expected true, false or null", at);
}

/* Passes over a value that is no array or object. */
SSE_JSON_HOT const char *skip_scalar(const char *at, const char *end, sse_json_fault *fault)
{
    sse_json_string string;

    switch (at < end ? *at : 0) {
    case '"':
        return sse_json_string_read(at + 1, end, false, &string, fault);
    case 't':
        return skip_word(at, end, "true", 4, fault);
    case 'f':
        return skip_word(at, end, "false", 5, fault);
    case 'n':
        return skip_word(at, end, "null", 4, fault);
    default:
        if (at < end && (*at == '-' || (*at >= '0' && *at <= '9')))
            return skip_number(at, end, fault);
        return fail(fault, "expected a value", at);
    }
}

/* Makes the fault of a name, at `at`, that is none or has no colon behind it. */
static const char *fail_name(const char *at, const char *end, sse_json_fault *fault)
{
    sse_json_string name;

    if (at == end || *at != '"')
        return fail(fault, "expected a name in '\"'", at);
    at = sse_json_string_read(at + 1, end, false, &name, fault);
    return at ? fail(fault, "expected ':'", sse_json_skip_blanks(at, end)) : NULL;
}

/* Reads a name and its colon; returns where the value begins. */
SSE_JSON_HOT const char *read_name(const char *from, const char *end, sse_json_string *name,
                                   sse_json_fault *fault)
{
    const char *at = from;

    if (at < end && *at == '"' &&
        (at = sse_json_string_read(at + 1, end, false, name, fault)) != NULL) {
        if (sse_json_is_tight(at, end, ':'))
            return at + 1;
        at = sse_json_skip_blanks(at, end);
        if (at < end && *at == ':')
            return sse_json_skip_blanks(at + 1, end);
    }
    return fail_name(from, end, fault);
}

/* Goes from the end of a member behind its comma; to *closed and the byte after the `close` of the
 * array or object where there is no further member. */
SSE_JSON_HOT const char *next_member(const char *at, const char *end, char close, bool *closed,
                                      sse_json_fault *fault)
{
    *closed = false;
    if (sse_json_is_tight(at, end, ','))
        return at + 1;
    at = sse_json_skip_blanks(at, end);
    *closed = at < end && *at == close;
    if (*closed)
        return at + 1;
    if (at < end && *at == ',')
        return sse_json_skip_blanks(at + 1, end);
    return fail(fault, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'", at);
}

SSE_JSON_HOT bool is_at(const char *at, const char *end, char c)
{
    return at < end && *at == c;
}

/* Passes over an array or object. */
static const char *skip_nested(const char *at, const char *end, unsigned depth,
                               sse_json_fault *fault)
{
    uint64_t objects[(SSE_JSON_MAX_DEPTH + 64) / 64] = { 0 }; /* bit n: level n + 1 is an object */
    unsigned level = depth;
    bool object = false, closed = false;
    sse_json_string name;

    for (;;) {
        if (is_at(at, end, '{') || is_at(at, end, '[')) {
            if (level == SSE_JSON_MAX_DEPTH)
                return fail(fault, SSE_JSON_TOO_DEEP, at);
            object = *at == '{';
            objects[level / 64] &= ~((uint64_t)1 << level % 64);
            objects[level / 64] |= (uint64_t)object << level % 64;
            level++;
            at = sse_json_skip_blanks(at + 1, end);
            closed = is_at(at, end, object ? '}' : ']');
            at += closed;
        } else {
            at = skip_scalar(at, end, fault);
            if (!at || level == depth)
                return at;
            at = next_member(at, end, object ? '}' : ']', &closed, fault);
        }
        while (at && closed) { /* the innermost array or object has ended */
            if (--level == depth)
                return at;
            object = objects[(level - 1) / 64] >> (level - 1) % 64 & 1;
            at = next_member(at, end, object ? '}' : ']', &closed, fault);
        }
        if (at && object)
            at = read_name(at, end, &name, fault);
        if (!at)
            return NULL;
    }
}

/* Passes over a value that begins at `at`. Returns the byte after it; or NULL and the fault. `depth`:
 * so many arrays and objects are around it. */
SSE_JSON_HOT const char *skip_value(const char *at, const char *end, unsigned depth,
                                    sse_json_fault *fault)
{
    if (is_at(at, end, '{') || is_at(at, end, '['))
        return skip_nested(at, end, depth, fault);
    return skip_scalar(at, end, fault);
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

    at = sse_json_skip_blanks(at + 1, end);
    if (is_at(at, end, '}'))
        return at + 1;
    while (!closed) {
        at = read_name(at, end, &name, &f->fault);
        if (!at)
            return NULL;
        if (sse_json_string_is(&name, key))
            at = find_in(f, at, level + 1);
        else
            at = skip_value(at, end, (unsigned)level + 1, &f->fault);
        if (!at)
            return NULL;
        at = next_member(at, end, '}', &closed, &f->fault);
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

    at = sse_json_skip_blanks(at + 1, end);
    if (is_at(at, end, ']'))
        return at + 1;
    for (int64_t place = 1; at && !closed; place++) {
        if (place == f->keys[level].place)
            at = find_in(f, at, level + 1);
        else
            at = skip_value(at, end, (unsigned)level + 1, &f->fault);
        if (at)
            at = next_member(at, end, ']', &closed, &f->fault);
    }
    return at;
}

/* Reads the value to which the first `level` keys lead, and looks in it for what the others lead to.
 * It replaces what was found in a member of the same name before. Recurs once a key. */
static const char *find_in(finder *f, const char *from, size_t level)
{
    const char *next = NULL;

    f->value->string.raw.at = NULL;
    f->found = false;
    if (level < f->count) {
        bool name = f->keys[level].name.at != NULL;

        if (is_at(from, f->end, name ? '{' : '['))
            return name ? find_member(f, from, level) : find_element(f, from, level);
    }
    if (level == f->count && is_at(from, f->end, '"'))
        next = sse_json_string_read(from + 1, f->end, false, &f->value->string, &f->fault);
    else
        next = skip_value(from, f->end, (unsigned)level, &f->fault);
    if (next && level == f->count) {
        f->found = true;
        f->value->text = (sse_slice){ from, (size_t)(next - from) };
    }
    return next;
}

sse_json_found sse_json_find(sse_slice text, const sse_json_key *keys, size_t count,
                             sse_json_value *value, sse_json_fault *fault)
{
    finder f = { .end = text.at + text.len, .keys = keys, .count = count, .value = value };
    const char *at = NULL;

    if (count > SSE_JSON_MAX_DEPTH)
        return SSE_JSON_NOT_FOUND;
    at = find_in(&f, sse_json_skip_blanks(text.at, f.end), 0);
    if (at && !f.found) { /* a value that is missing is no reason to overlook a fault behind it */
        at = sse_json_skip_blanks(at, f.end);
        if (at < f.end)
            at = fail(&f.fault, "expected the end of the text", at);
    }
    if (f.found)
        return SSE_JSON_FOUND;
    *fault = f.fault;
    return at ? SSE_JSON_NOT_FOUND : SSE_JSON_BROKEN;
}
