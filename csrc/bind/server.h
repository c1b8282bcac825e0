/* server.h: the class sse.server. */
#ifndef SSE_BIND_SERVER_H
#define SSE_BIND_SERVER_H

#include "lua_api.h"

/* Registers the class and adds the function that makes a server; the module table is on top of the
 * stack. */
void sse_open_server(lua_State *L);

#endif
