/* file.h: realpath and stat, which Lua's io library lacks. */
#ifndef SSE_BIND_FILE_H
#define SSE_BIND_FILE_H

#include "lua_api.h"

/* Adds the functions; the module table is on top of the stack. */
void sse_open_file(lua_State *L);

#endif
