/* signals.h: signals: the function signal, and the class sse.signal. */
#ifndef SSE_BIND_SIGNALS_H
#define SSE_BIND_SIGNALS_H

#include "lua_api.h"

/* Registers the class and adds the function; the module table is on top of the stack. */
void sse_open_signal(lua_State *L);

#endif
