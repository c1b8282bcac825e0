/* loop.h: the loop's functions. */
#ifndef SSE_BIND_LOOP_H
#define SSE_BIND_LOOP_H

#include "lua_api.h"

/* Makes the loop of this Lua state, and adds the functions; the module table is on top of the
 * stack. */
void sse_open_loop(lua_State *L);

#endif
