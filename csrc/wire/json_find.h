/* json_find.h: one value of a JSON text, by the names and places that lead to it. The rest of the
 * text is passed over, and nothing is built. */
#ifndef SSE_WIRE_JSON_FIND_H
#define SSE_WIRE_JSON_FIND_H

#include "json_reader.h"

/* A step into a value: the name of an object's member, or a place in an array, counted from 1. */
typedef struct sse_json_key {
    sse_slice name; /* absent: it is a place */
    int64_t place;
} sse_json_key;

typedef struct sse_json_value {
    sse_slice text;         /* where it stands */
    sse_json_string string; /* of a string what was read, else its raw.at is NULL */
} sse_json_value;

typedef enum sse_json_found { SSE_JSON_NOT_FOUND, SSE_JSON_FOUND, SSE_JSON_BROKEN } sse_json_found;

/* Finds the value to which the keys lead, in the text as a whole. Behind the text there must be a
 * NUL, as in Lua's strings. Of members with one name the last
 * counts. The text behind the value is read for that, but need not be JSON. BROKEN: the text before
 * the place where the value would be is no JSON, which the fault tells. */
sse_json_found sse_json_find(sse_slice text, const sse_json_key *keys, size_t count,
                             sse_json_value *value, sse_json_fault *fault);

#endif
