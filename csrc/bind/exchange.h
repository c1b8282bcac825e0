/* exchange.h: the class sse.exchange: one request and its response. */
#ifndef SSE_BIND_EXCHANGE_H
#define SSE_BIND_EXCHANGE_H

#include "../http/exchange.h"
#include "class.h"

/* Registers the class; the module table is on top of the stack. */
void sse_open_exchange(lua_State *L);

/* The user value of a server's object that errors of its streams' callbacks are passed with (see
 * sse_pass_error): what the Lua layer gave as the option `owner`, or nil. */
#define SSE_SERVER_OWNER 1

/* Pushes a new object for the exchange, which tells the object alone what happens from now on.
 * `server`: the registry reference of the server's object, valid as long as the exchange goes on.
 */
void sse_push_exchange(lua_State *L, sse_exchange *x, int server);

/* Keeps the object, at index, from being collected before the exchange has ended or has become an
 * event stream. Without it, most requests cost less: they are answered while they are dispatched.
 */
void sse_keep_exchange(lua_State *L, int index);

#endif
