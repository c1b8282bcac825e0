/* A Lua function: the allocator gives what it holds and nobody uses back to the system, where it
 * can. Gives the bytes that are in use, where it tells. */
#include <lauxlib.h>
#include <lua.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static int f_trim(lua_State *L)
{
#ifdef __GLIBC__
    malloc_trim(0);
#if __GLIBC_PREREQ(2, 33)
    {
        struct mallinfo2 told = mallinfo2();

        lua_pushinteger(L, (lua_Integer)(told.uordblks + told.hblkhd));
        return 1;
    }
#endif
#endif
    lua_pushnil(L);
    return 1;
}

int luaopen_trim(lua_State *L);
int luaopen_trim(lua_State *L)
{
    lua_pushcfunction(L, f_trim);
    return 1;
}
