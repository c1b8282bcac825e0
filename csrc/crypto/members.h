/* members.h: the members of a JSON object of a token: a header, or claims. Their names must differ,
 * because two readers could otherwise take different ones for what was signed. */
#ifndef SSE_CRYPTO_MEMBERS_H
#define SSE_CRYPTO_MEMBERS_H

#include "../wire/json_reader.h"

#define SSE_MAX_MEMBERS 128

typedef struct sse_member {
    sse_slice name;
    sse_json_kind kind; /* of the value: SSE_JSON_STRING, SSE_JSON_ARRAY ... */
    sse_slice text;     /* the value of a string */
    bool has_text;      /* of an array: it holds strings only */
} sse_member;

typedef struct sse_members {
    size_t count;
    sse_member list[SSE_MAX_MEMBERS];
} sse_members;

/* Reads the members of the object that the text is, into `room` of text.len bytes what needs a
 * place. SSE_EINVAL: the text is no JSON object, or two of its members have one name; SSE_ETOOBIG:
 * it has more than SSE_MAX_MEMBERS. *why is a static text that says so. */
int sse_members_read(sse_slice text, char *room, sse_members *out, const char **why);

/* Returns the member of that name, or NULL. */
const sse_member *sse_members_find(const sse_members *members, const char *name);

#endif
