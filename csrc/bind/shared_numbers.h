/* shared_numbers.h: the class sse.shared_numbers: numbers that forked processes have in common. */
#ifndef SSE_BIND_SHARED_NUMBERS_H
#define SSE_BIND_SHARED_NUMBERS_H

#include "lua_api.h"

/* Adds `shared_numbers`; the module table is on top of the stack. */
void sse_open_shared_numbers(lua_State *L);

#endif
