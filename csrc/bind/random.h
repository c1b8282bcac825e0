/* random.h: bytes from the system's random source, for what nobody may guess. */
#ifndef SSE_BIND_RANDOM_H
#define SSE_BIND_RANDOM_H

#include "lua_api.h"

/* Adds the function random; the module table is on top of the stack. */
void sse_open_random(lua_State *L);

#endif
