#include "members.h"

#include "../wire/error.h"

/* What a text is read with. */
typedef struct scan {
    sse_json_reader reader;
    sse_json_token token;
    char *room; /* the next string's place */
    const char **why;
} scan;

static int fail(const scan *s, int code, const char *why)
{
    *s->why = why;
    return code;
}

static sse_json_kind next(scan *s)
{
    return sse_json_next(&s->reader, &s->token);
}

/* The string that has just been read; with escapes it is written into the room. */
static sse_slice take_string(scan *s)
{
    sse_slice value = s->token.string.raw;

    if (s->token.string.escaped) {
        value = (sse_slice){ s->room, sse_json_string_value(&s->token.string, s->room) };
        s->room += value.len;
    }
    return value;
}

/* Reads on to the end of the array or object that has just begun. */
static sse_json_kind pass_over(scan *s, sse_member *member)
{
    sse_json_kind kind = SSE_JSON_NULL;

    member->has_text = member->kind == SSE_JSON_ARRAY;
    while (kind != SSE_JSON_FAULT) {
        kind = next(s);
        if (s->reader.depth == 1 && (kind == SSE_JSON_ARRAY_END || kind == SSE_JSON_OBJECT_END))
            return kind;
        if (kind != SSE_JSON_STRING)
            member->has_text = false;
    }
    return kind;
}

static int add(scan *s, sse_members *out)
{
    sse_slice name = take_string(s);
    sse_member *member = &out->list[out->count];

    if (out->count == SSE_MAX_MEMBERS)
        return fail(s, SSE_ETOOBIG, "more than 128 members");
    for (size_t i = 0; i < out->count; i++)
        if (sse_slice_equal(out->list[i].name, name))
            return fail(s, SSE_EINVAL, "two members of one name");
    *member = (sse_member){ .name = name, .kind = next(s) };
    out->count++;
    if (member->kind == SSE_JSON_STRING) {
        member->text = take_string(s);
        member->has_text = true;
    } else if (member->kind == SSE_JSON_ARRAY || member->kind == SSE_JSON_OBJECT) {
        if (pass_over(s, member) == SSE_JSON_FAULT)
            return fail(s, SSE_EINVAL, s->reader.fault.what);
    }
    return member->kind == SSE_JSON_FAULT ? fail(s, SSE_EINVAL, s->reader.fault.what) : SSE_OK;
}

int sse_members_read(sse_slice text, char *room, sse_members *out, const char **why)
{
    scan s = { .room = room, .why = why };
    sse_json_kind kind = SSE_JSON_FAULT;

    out->count = 0;
    sse_json_reader_init(&s.reader, text, false);
    kind = next(&s);
    if (kind != SSE_JSON_OBJECT)
        return fail(&s, SSE_EINVAL, "not a JSON object");
    while ((kind = next(&s)) == SSE_JSON_NAME) {
        int code = add(&s, out);

        if (code)
            return code;
    }
    if (kind == SSE_JSON_OBJECT_END)
        kind = next(&s);
    return kind == SSE_JSON_END ? SSE_OK : fail(&s, SSE_EINVAL, s.reader.fault.what);
}

const sse_member *sse_members_find(const sse_members *members, const char *name)
{
    for (size_t i = 0; i < members->count; i++)
        if (sse_slice_is(members->list[i].name, name))
            return &members->list[i];
    return NULL;
}
