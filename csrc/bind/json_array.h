/* json_array.h: what stands for JSON's null in Lua, and the metatable by which a table is known to
 * be an array. */
#ifndef SSE_BIND_JSON_ARRAY_H
#define SSE_BIND_JSON_ARRAY_H

#include <stdbool.h>

#include "lua_api.h"

void sse_json_push_null(lua_State *L);

/* Says whether the value at index is null. */
bool sse_json_is_null(lua_State *L, int index);

/* The metatable exists once sse_open_json has run. */
void sse_json_push_array_metatable(lua_State *L);

/* array([t]) -> t, or a new table, marked as an array. */
int sse_json_array(lua_State *L);

/* Makes the metatable; returns its address. */
const void *sse_json_open_array(lua_State *L);

#endif
