/* lua_api.h: Lua's headers. The other files of the binding include this one instead of them, so
 * that one place refuses a Lua that is too old and says what differs between Lua 5.4 and 5.5. */
#ifndef SSE_BIND_LUA_API_H
#define SSE_BIND_LUA_API_H

#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <stdbool.h>

#if LUA_VERSION_NUM < 504
#error "lua-sse needs Lua 5.4 or later"
#endif

/* Makes the collector take a step as for that many bytes of new Lua memory; returns whether a cycle
 * ended. Finalizers may run. */
static inline bool sse_collector_step(lua_State *L, size_t bytes)
{
#if LUA_VERSION_NUM >= 505
    return lua_gc(L, LUA_GCSTEP, bytes) != 0;
#else
    size_t kib = bytes >> 10;

    return lua_gc(L, LUA_GCSTEP, kib < INT_MAX ? (int)kib : INT_MAX) != 0;
#endif
}

#endif
