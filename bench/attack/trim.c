/* A Lua function: the allocator gives what it holds and nobody uses back to the system, where it
 * can. */
#include <lauxlib.h>
#include <lua.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static int f_trim(lua_State *L)
{
    (void)L;
#ifdef __GLIBC__
    malloc_trim(0);
#endif
    return 0;
}

int luaopen_trim(lua_State *L);
int luaopen_trim(lua_State *L)
{
    lua_pushcfunction(L, f_trim);
    return 1;
}
