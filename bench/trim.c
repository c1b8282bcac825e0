/* trim: a Lua function that has the allocator give unused memory back to the system, where it
 * can. Returns the bytes of the heap in use, nil where they are not known. */
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
