/* master.h: what lua/sse/workers needs of processes. */
#ifndef SSE_BIND_MASTER_H
#define SSE_BIND_MASTER_H

#include "lua_api.h"

/* Adds the functions, see master.c; the module table is on top of the stack. */
void sse_open_master(lua_State *L);

#endif
