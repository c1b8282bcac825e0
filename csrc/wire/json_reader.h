/* json_reader.h: a JSON text as a sequence of tokens (RFC 8259), without building anything. Needs
 * no memory but its own. */
#ifndef SSE_WIRE_JSON_READER_H
#define SSE_WIRE_JSON_READER_H

#include "json_string.h"

#define SSE_JSON_MAX_DEPTH 1000 /* arrays and objects in each other */
#define SSE_JSON_TOO_DEEP  "excessive nesting: more than 1000 arrays and objects in each other"

/* Beside values there are the ends of arrays and objects, and the names of an object's members. */
typedef enum sse_json_kind {
    SSE_JSON_FAULT, /* the text is not JSON: the reader's fault tells why */
    SSE_JSON_END,   /* the text was read to its end */
    SSE_JSON_NAME,
    SSE_JSON_ARRAY_END,
    SSE_JSON_OBJECT_END,
    SSE_JSON_ARRAY,
    SSE_JSON_OBJECT,
    SSE_JSON_STRING,
    SSE_JSON_INTEGER,
    SSE_JSON_DOUBLE,
    SSE_JSON_TRUE,
    SSE_JSON_FALSE,
    SSE_JSON_NULL
} sse_json_kind;

typedef struct sse_json_token {
    sse_json_string string; /* of NAME and STRING */
    int64_t integer;        /* of INTEGER */
    double real;            /* of DOUBLE */
} sse_json_token;

/* What the reader expects next. */
typedef enum sse_json_state {
    SSE_JSON_AT_VALUE,
    SSE_JSON_AT_FIRST, /* the first member or the end of an array or object */
    SSE_JSON_AT_NEXT   /* a comma, an end, or the end of the text */
} sse_json_state;

typedef struct sse_json_reader {
    sse_slice text;
    const char *at; /* what is not read yet begins here */
    sse_json_state state;
    bool replace;   /* broken UTF-8 and half surrogate pairs become U+FFFD, and are no fault */
    bool in_object; /* the innermost array or object is an object */
    unsigned depth; /* arrays and objects that are open */
    sse_json_fault fault;
    uint64_t objects[(SSE_JSON_MAX_DEPTH + 64) / 64]; /* bit n: what is open at depth n + 1 is an
                                                         object; of the innermost: in_object */
} sse_json_reader;

/* Begins to read the text, which must stay where it is. */
void sse_json_reader_init(sse_json_reader *r, sse_slice text, bool replace);

/* Reads the next token, whatever it is. */
sse_json_kind sse_json_next_any(sse_json_reader *r, sse_json_token *token);

/* Reads the next token. Is not called again after FAULT or END. Names and strings without blanks
 * around them, most of what texts consist of, are read here, all else by sse_json_next_any. */
static inline sse_json_kind sse_json_next(sse_json_reader *r, sse_json_token *token)
{
    const char *end = r->text.at + r->text.len, *at = r->at;
    bool member = r->state == SSE_JSON_AT_NEXT && r->depth > 0 && sse_json_is_tight(at, end, ',');
    bool name = member && r->in_object;

    if (!member && r->state != SSE_JSON_AT_VALUE)
        return sse_json_next_any(r, token);
    at += member;
    if (at == end || *at != '"')
        return sse_json_next_any(r, token);
    at = sse_json_string_read(at + 1, end, r->replace, &token->string, &r->fault);
    if (!at || (name && !sse_json_is_tight(at, end, ':')))
        return sse_json_next_any(r, token);
    r->at = at + name;
    r->state = name ? SSE_JSON_AT_VALUE : SSE_JSON_AT_NEXT;
    return name ? SSE_JSON_NAME : SSE_JSON_STRING;
}

#endif
