/* server.h: the class sse.server. */
#ifndef SSE_BIND_SERVER_H
#define SSE_BIND_SERVER_H

#include "../server/server.h"
#include "class.h"

/* Registers the class and adds the function that makes a server; the module table is on top of the
 * stack. */
void sse_open_server(lua_State *L);

/* Returns the server at index 1; raises where it is none, or was collected. */
sse_server *sse_check_server(lua_State *L);

/* The Lua state, and the registry reference to the server's object, of the server whose connections
 * belong to the context. The reference is valid while one of them is open. */
sse_state *sse_server_state(const sse_context *context);
int sse_server_reference(const sse_context *context);

#endif
