#include "hint.h"

static const char hint_key = 0; /* its address is the registry key of set_hint's function */

static void push_table(lua_State *L, int index)
{
    if (index)
        lua_pushvalue(L, index);
    else
        lua_pushnil(L);
}

bool sse_push_hint(lua_State *L, const char *of, int name, int known, int more)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &hint_key) == LUA_TFUNCTION) {
        lua_pushstring(L, of);
        lua_pushvalue(L, name);
        push_table(L, known);
        push_table(L, more);
        lua_call(L, 4, 1);
    }
    if (lua_type(L, -1) == LUA_TSTRING)
        return true;
    lua_pop(L, 1);
    return false;
}

void sse_check_count(lua_State *L, int most, const char *call)
{
    for (int i = lua_gettop(L); i > most; i--)
        if (!lua_isnil(L, i))
            luaL_error(L, "%s: one argument too many, a %s" SSE_PAGE("arguments"), call,
                       luaL_typename(L, i));
}

static int f_set_hint(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &hint_key);
    return 0;
}

void sse_open_hint(lua_State *L)
{
    lua_pushcfunction(L, f_set_hint);
    lua_setfield(L, -2, "set_hint");
}
