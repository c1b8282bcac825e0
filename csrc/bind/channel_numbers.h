/* channel_numbers.h: what a channel counts, for channel:stats and server:metrics. */
#ifndef SSE_BIND_CHANNEL_NUMBERS_H
#define SSE_BIND_CHANNEL_NUMBERS_H

#include "lua_api.h"

/* Adds the functions; the module table is on top of the stack. */
void sse_open_channel_numbers(lua_State *L);

#endif
