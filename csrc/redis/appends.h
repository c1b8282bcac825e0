/* appends.h: what Lua has of queue.h: tallies, queues, runs, and a log's `direct`. */
#ifndef SSE_REDIS_APPENDS_H
#define SSE_REDIS_APPENDS_H

#include <lua.h>

#include "queue.h"

/* Registers the classes. */
void appends_register(lua_State *L);
/* tally() -> a tally */
int appends_tally(lua_State *L);
/* queue(tally) -> a queue */
int appends_queue(lua_State *L);

/* Raises unless the value at index is a run without any result. */
const run *appends_check_run(lua_State *L, int index);

#endif
