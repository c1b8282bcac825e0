/* timer.h: timers: the functions after, every and timer, and the class sse.timer. */
#ifndef SSE_BIND_TIMER_H
#define SSE_BIND_TIMER_H

#include "lua_api.h"

/* Registers the class and adds the functions; the module table is on top of the stack. */
void sse_open_timer(lua_State *L);

#endif
