/* worker_sockets.h: the class sse.worker_sockets: what workers listen on. */
#ifndef SSE_BIND_WORKER_SOCKETS_H
#define SSE_BIND_WORKER_SOCKETS_H

#include "lua_api.h"

/* Adds `worker_sockets`; the module table is on top of the stack. */
void sse_open_worker_sockets(lua_State *L);

#endif
