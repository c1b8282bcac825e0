#include "callbacks.h"

static const char on_error_key = 0; /* its address is the registry key of set_on_error's function */

void sse_set_callback(lua_State *L, const char *name, int n, bool open, int *self)
{
    if (!lua_isnil(L, 2) && !lua_isfunction(L, 2))
        luaL_error(L, "%s must be a function or nil, got %s", name, luaL_typename(L, 2));
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, n);
    if (open)
        sse_anchor(L, 1, self);
}

int sse_pass_error(lua_State *L, const char *what, int error, int owner, int stream, int channel)
{
    bool taken =
        !lua_isnil(L, owner) && lua_rawgetp(L, LUA_REGISTRYINDEX, &on_error_key) == LUA_TFUNCTION;

    if (taken) {
        lua_pushstring(L, what);
        lua_pushvalue(L, error);
        lua_pushvalue(L, owner);
        lua_pushvalue(L, stream);
        if (channel)
            lua_pushvalue(L, channel);
        else
            lua_pushnil(L);
        lua_call(L, 5, 0);
    }
    lua_pushboolean(L, taken);
    return 1;
}

/* set_on_error(fn): see sse_pass_error. */
static int f_set_on_error(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &on_error_key);
    return 0;
}

void sse_open_callbacks(lua_State *L)
{
    lua_pushcfunction(L, f_set_on_error);
    lua_setfield(L, -2, "set_on_error");
}
