/* follow.h: a stream begins to follow channels, and stops: functions for lua/sse/stream.lua. */
#ifndef SSE_BIND_FOLLOW_H
#define SSE_BIND_FOLLOW_H

#include "lua_api.h"

/* Adds the functions; the module table is on top of the stack. */
void sse_open_follow(lua_State *L);

#endif
