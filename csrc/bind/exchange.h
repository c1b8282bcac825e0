/* exchange.h: the class sse.exchange: one request and its response. */
#ifndef SSE_BIND_EXCHANGE_H
#define SSE_BIND_EXCHANGE_H

#include "../http/exchange.h"
#include "class.h"

/* Registers the class; the module table is on top of the stack. */
void sse_open_exchange(lua_State *L);

/* Pushes a new object for the exchange, which tells the object alone what happens from now on. The
 * object is not collected before the exchange has ended or has become an event stream. */
void sse_push_exchange(lua_State *L, sse_exchange *x);

#endif
