#include "random.h"

#include "../base/random.h"

#include "class.h"

/* random(count) -> a string of that many bytes; raises where the system has no random source. */
static int f_random(lua_State *L)
{
    lua_Integer count = luaL_checkinteger(L, 1);
    luaL_Buffer b;
    char *to = NULL;

    luaL_argcheck(L, count >= 0 && count <= 1024, 1, "expected a count from 0 to 1024");
    to = luaL_buffinitsize(L, &b, (size_t)count);
    if (sse_random_bytes(to, (size_t)count))
        return luaL_error(L, "the system has no random source");
    luaL_pushresultsize(&b, (size_t)count);
    return 1;
}

static const luaL_Reg functions[] = { { "random", f_random }, { NULL, NULL } };

void sse_open_random(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
