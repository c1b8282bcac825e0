/* store.h: channels whose log is kept in a store: functions for lua/sse/store/window.lua. */
#ifndef SSE_BIND_STORE_H
#define SSE_BIND_STORE_H

#include "lua_api.h"

/* Adds the functions; the module table is on top of the stack. */
void sse_open_store(lua_State *L);

#endif
