/* url.c: core.url(text [, base]) -> a table with the URL's parts and serializations by name, or
 * nil, message, code. */
#include "url.h"

#include <string.h>

#include "../client/url.h"
#include "class.h"

static const char *const names[] = {
    [SSE_URL_SCHEME] = "scheme",   [SSE_URL_HOST] = "host",         [SSE_URL_PORT] = "port",
    [SSE_URL_PATH] = "path",       [SSE_URL_QUERY] = "query",       [SSE_URL_FRAGMENT] = "fragment",
    [SSE_URL_USER] = "user",       [SSE_URL_PASSWORD] = "password", [SSE_URL_HREF] = "href",
    [SSE_URL_REQUEST] = "request", [SSE_URL_ORIGIN] = "origin",
};

static int push_url(lua_State *L)
{
    const sse_url *u = lua_touserdata(L, 1);
    int present = 0;

    for (int i = 0; i < SSE_URL_PARTS; i++)
        present += u->has[i];
    lua_createtable(L, 0, present);
    for (int i = 0; i < SSE_URL_PARTS; i++) {
        sse_slice text = sse_url_get(u, (sse_url_part)i);

        if (!text.at)
            continue;
        lua_pushlstring(L, text.at, text.len);
        lua_setfield(L, -2, names[i]);
    }
    return 1;
}

static int f_url(lua_State *L)
{
    sse_slice text = { 0 }, base = { 0 };
    const char *why = NULL;
    sse_url u;
    int code = SSE_OK, called = LUA_OK;

    text.at = luaL_checklstring(L, 1, &text.len);
    base.at = luaL_optlstring(L, 2, NULL, &base.len);
    lua_settop(L, 2);
    code = sse_url_read(&u, text, base, &why);
    if (code)
        return sse_fail(L, code, why);
    lua_pushcfunction(L, push_url); /* protected: the parts must be freed if Lua is out of memory */
    lua_pushlightuserdata(L, &u);
    called = lua_pcall(L, 1, 1, 0);
    sse_url_free(&u);
    return called == LUA_OK ? 1 : lua_error(L);
}

static const luaL_Reg functions[] = { { "url", f_url }, { NULL, NULL } };

void sse_open_url(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
