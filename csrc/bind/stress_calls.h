/* stress_calls.h: included before every file of the binding, in the build of `make stress` alone.
 * It wraps each call of Lua's interface that may run the collector in any Lua 5.4, because the call
 * makes an object or runs the program's code: after it there may be a full collection, whose
 * finalizers may call any function of the library. Calls that only make a table larger (lua_rawset,
 * luaL_ref) never run a finalizer, and are left alone. */
#ifndef SSE_BIND_STRESS_CALLS_H
#define SSE_BIND_STRESS_CALLS_H

#include "stress.h"

static inline int sse_stress_int(lua_State *L, int value)
{
    sse_stress(L);
    return value;
}

static inline void *sse_stress_pointer(lua_State *L, void *value)
{
    sse_stress(L);
    return value;
}

/* The string is on the stack. */
static inline const char *sse_stress_text(lua_State *L, const char *value)
{
    sse_stress(L);
    return value;
}

static inline lua_State *sse_stress_thread(lua_State *L, lua_State *value)
{
    sse_stress(L);
    return value;
}

#define lua_newthread(L)           sse_stress_thread(L, lua_newthread(L))
#define lua_resume(co, from, n, r) sse_stress_int(from, lua_resume(co, from, n, r))
#define lua_pushstring(L, s)       sse_stress_text(L, lua_pushstring(L, s))
#define lua_pushlstring(L, s, n)   sse_stress_text(L, lua_pushlstring(L, s, n))
#define lua_pushfstring(L, ...)    sse_stress_text(L, lua_pushfstring(L, __VA_ARGS__))
#define lua_pushcclosure(L, f, n) \
    (lua_pushcclosure(L, f, n), (n) > 0 ? sse_stress(L) : (void)0) /* else no object is made */
#define lua_createtable(L, a, h)      (lua_createtable(L, a, h), sse_stress(L))
#define lua_newuserdatauv(L, size, n) sse_stress_pointer(L, lua_newuserdatauv(L, size, n))
#define lua_tolstring(L, i, n)        sse_stress_text(L, lua_tolstring(L, i, n))
#define lua_getfield(L, i, name)      sse_stress_int(L, lua_getfield(L, i, name))
#define lua_setfield(L, i, name)      (lua_setfield(L, i, name), sse_stress(L))
#define lua_callk(L, n, r, c, k)      (lua_callk(L, n, r, c, k), sse_stress(L))
#define lua_pcallk(L, n, r, f, c, k)  sse_stress_int(L, lua_pcallk(L, n, r, f, c, k))

#define luaL_checklstring(L, i, n)      sse_stress_text(L, luaL_checklstring(L, i, n))
#define luaL_optlstring(L, i, s, n)     sse_stress_text(L, luaL_optlstring(L, i, s, n))
#define luaL_tolstring(L, i, n)         sse_stress_text(L, luaL_tolstring(L, i, n))
#define luaL_checkoption(L, i, s, list) sse_stress_int(L, luaL_checkoption(L, i, s, list))
#define luaL_traceback(L, of, s, level) (luaL_traceback(L, of, s, level), sse_stress(L))
#define luaL_newmetatable(L, name)      sse_stress_int(L, luaL_newmetatable(L, name))
#define luaL_addlstring(b, s, n)        (luaL_addlstring(b, s, n), sse_stress((b)->L))
#define luaL_buffinitsize(L, b, n)      sse_stress_pointer(L, luaL_buffinitsize(L, b, n))
#define luaL_pushresult(b)              (luaL_pushresult(b), sse_stress((b)->L))
#define luaL_pushresultsize(b, n)       (luaL_pushresultsize(b, n), sse_stress((b)->L))

#endif
