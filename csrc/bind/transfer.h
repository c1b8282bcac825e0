/* transfer.h: the class sse.transfer: one HTTP request of the client. */
#ifndef SSE_BIND_TRANSFER_H
#define SSE_BIND_TRANSFER_H

#include "lua_api.h"

/* Registers the class and adds the functions; the module table is on top of the stack. */
void sse_open_transfer(lua_State *L);

#endif
