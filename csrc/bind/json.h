/* json.h: the functions of sse.json. */
#ifndef SSE_BIND_JSON_H
#define SSE_BIND_JSON_H

#include "class.h"

/* Returns the JSON of the value at index, in one line. Raises, with `prefix` before the message, on
 * what JSON does not have. The bytes stay until the next call that may run the program's code: one
 * that makes a Lua object, for instance. */
sse_slice sse_json_of(lua_State *L, sse_state *st, int index, const char *prefix);

/* Adds the functions; the module table is on top of the stack. */
void sse_open_json(lua_State *L);

#endif
