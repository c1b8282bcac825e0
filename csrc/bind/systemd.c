#include "systemd.h"

#include "../base/systemd.h"

/* systemd_sockets() -> a list of { fd, name }, the sockets that were passed to this process */
static int f_sockets(lua_State *L)
{
    int count = sse_systemd_sockets();
    const char *name = NULL;
    size_t len = 0;

    lua_createtable(L, count, 0);
    for (int i = 0; i < count; i++) {
        lua_createtable(L, 0, 2);
        lua_pushinteger(L, SSE_SYSTEMD_FIRST + i);
        lua_setfield(L, -2, "fd");
        name = sse_systemd_name(i, &len);
        if (name)
            lua_pushlstring(L, name, len);
        else
            lua_pushnil(L);
        lua_setfield(L, -2, "name");
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* systemd_notify(text) -> whether the service manager was told */
static int f_notify(lua_State *L)
{
    size_t len = 0;
    const char *text = luaL_checklstring(L, 1, &len);

    lua_pushboolean(L, sse_systemd_notify(text, len));
    return 1;
}

/* systemd_watchdog() -> after how many ms without a sign of life the process is killed, or nil */
static int f_watchdog(lua_State *L)
{
    uint64_t ms = sse_systemd_watchdog();

    if (ms == 0)
        return 0;
    lua_pushnumber(L, (lua_Number)ms);
    return 1;
}

static const luaL_Reg functions[] = { { "systemd_sockets", f_sockets },
                                      { "systemd_notify", f_notify },
                                      { "systemd_watchdog", f_watchdog },
                                      { NULL, NULL } };

void sse_open_systemd(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
