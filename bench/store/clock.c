/* clock: clock() -> seconds of a clock that all processes share, cpu() -> seconds of CPU of the
 * calling thread alone: the loop's, without a store's. */
#include <lauxlib.h>
#include <lua.h>
#include <time.h>

static int push(lua_State *L, clockid_t clock)
{
    struct timespec t = { 0 };

    clock_gettime(clock, &t);
    lua_pushnumber(L, (lua_Number)t.tv_sec + (lua_Number)t.tv_nsec / 1e9);
    return 1;
}

static int f_clock(lua_State *L)
{
    return push(L, CLOCK_MONOTONIC);
}

static int f_cpu(lua_State *L)
{
    return push(L, CLOCK_THREAD_CPUTIME_ID);
}

int luaopen_clock(lua_State *L);
int luaopen_clock(lua_State *L)
{
    static const luaL_Reg functions[] = { { "clock", f_clock }, { "cpu", f_cpu }, { NULL, NULL } };

    luaL_newlib(L, functions);
    return 1;
}
