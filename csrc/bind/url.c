/* url.c: core.url(text [, base]): a URL's parts and serializations, or nil, message, code. */
#include "../net/url.h"

#include <string.h>

#include "bind.h"
#include "class.h"

static int push_url(lua_State *L)
{
    const sse_url *u = lua_touserdata(L, 1);
    const struct {
        const char *name, *value;
    } fields[] = {
        { "scheme", u->scheme },     { "host", u->host },       { "port", u->port },
        { "path", u->path },         { "query", u->query },     { "user", u->user },
        { "password", u->password }, { "href", u->href },       { "fragment", u->fragment },
        { "origin", u->origin },     { "request", u->request },
    };

    enum { FIELDS = sizeof fields / sizeof fields[0] };
    int present = 0;

    for (int i = 0; i < FIELDS; i++)
        present += fields[i].value != NULL;
    lua_createtable(L, 0, present);
    for (int i = 0; i < FIELDS; i++) {
        if (!fields[i].value)
            continue;
        lua_pushstring(L, fields[i].value);
        lua_setfield(L, -2, fields[i].name);
    }
    return 1;
}

static int f_url(lua_State *L)
{
    size_t len = 0;
    const char *text = luaL_checklstring(L, 1, &len), *base = luaL_optstring(L, 2, NULL),
               *why = NULL;
    sse_url u;
    int code = SSE_OK, called = LUA_OK;

    if (strlen(text) != len)
        return sse_fail(L, SSE_EINVAL, "a URL holds no NUL");
    lua_settop(L, 2);
    code = sse_url_parse(&u, text, base, &why);
    if (code)
        return sse_fail(L, code, why);
    lua_pushcfunction(L, push_url); /* protected: out of memory in Lua must not lose the parts */
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
