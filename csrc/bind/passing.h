/* passing.h: pairs of local sockets, by their descriptors. */
#ifndef SSE_BIND_PASSING_H
#define SSE_BIND_PASSING_H

#include "lua_api.h"

/* Adds the functions, see passing.c; the module table is on top of the stack. */
void sse_open_passing(lua_State *L);

#endif
