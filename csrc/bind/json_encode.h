/* json_encode.h: JSON of Lua values. */
#ifndef SSE_BIND_JSON_ENCODE_H
#define SSE_BIND_JSON_ENCODE_H

#include "../wire/buffer.h"
#include "lua_api.h"

typedef struct sse_json_style {
    sse_slice indent; /* of a level, where each member has a line of its own; empty: one line */
    bool sort;        /* the members of objects in the order of their names' bytes */
} sse_json_style;

/* Appends the JSON of the value at index. Raises, with `prefix` before the message, on what JSON
 * does not have, and if out may not grow further. Otherwise nothing that runs the collector is
 * called, so the program's code does not run. Metamethods are not used. */
void sse_json_encode(lua_State *L, int index, sse_buffer *out, const sse_json_style *style,
                     const char *prefix);

#endif
