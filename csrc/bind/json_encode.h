/* json_encode.h: JSON of Lua values. */
#ifndef SSE_BIND_JSON_ENCODE_H
#define SSE_BIND_JSON_ENCODE_H

#include "class.h"

typedef struct sse_json_style {
    sse_slice indent; /* of a level, where each member has a line of its own; empty: one line */
    bool sort;        /* the members of objects in the order of their names' bytes */
} sse_json_style;

/* Appends the JSON of the value at index, which is positive, to st->json. Raises, with `prefix`
 * before the message, on what JSON does not have, and if there is no memory. Otherwise nothing that
 * runs the collector is called, so the program's code does not run. Metamethods are not used. Needs
 * LUA_MINSTACK places of the stack. */
void sse_json_encode(lua_State *L, sse_state *st, int index, const sse_json_style *style,
                     const char *prefix);

#endif
