#include "callbacks.h"

void sse_set_callback(lua_State *L, const char *name, int n, bool open, int *self)
{
    if (!lua_isnil(L, 2) && !lua_isfunction(L, 2))
        luaL_error(L, "%s must be a function or nil, got %s", name, luaL_typename(L, 2));
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, n);
    if (open)
        sse_anchor(L, 1, self);
}
