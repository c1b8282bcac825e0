#include "json_array.h"

#include "hint.h"

static const char metatable_key = 0; /* its address is the metatable's registry key */

void sse_json_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
}

bool sse_json_is_null(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TLIGHTUSERDATA && lua_touserdata(L, index) == NULL;
}

void sse_json_push_array_metatable(lua_State *L)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key);
}

/* Raises where the table at index 1 has a key that is no place of an array. */
static void check_places(lua_State *L)
{
    for (lua_pushnil(L); lua_next(L, 1); lua_pop(L, 1)) {
        if (lua_isinteger(L, 2) && lua_tointeger(L, 2) >= 1)
            continue;
        luaL_error(L, "json.array: expected whole numbers from 1 as keys, got %s",
                   luaL_tolstring(L, 2, NULL));
    }
}

int sse_json_array(lua_State *L)
{
    sse_check_count(L, 1, "json.array(t)");
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    } else if (!lua_istable(L, 1)) {
        return luaL_error(L, "json.array: expected a table, got %s", luaL_typename(L, 1));
    }
    check_places(L);
    sse_json_push_array_metatable(L);
    if (lua_getmetatable(L, 1)) {
        if (!lua_rawequal(L, -1, -2))
            return luaL_error(L, "json.array: the table has a metatable of its own");
        lua_pop(L, 1);
    }
    lua_setmetatable(L, 1);
    return 1;
}

const void *sse_json_open_array(lua_State *L)
{
    const void *address = NULL;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &metatable_key); /* where the module is loaded twice */
    address = lua_topointer(L, -1);
    lua_pop(L, 1);
    if (address)
        return address;
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "sse.json.array");
    lua_setfield(L, -2, "__name");
    address = lua_topointer(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &metatable_key);
    return address;
}
