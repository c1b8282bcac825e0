#include "tls_options.h"

/* Reads table[name], a string or nil (NULL). The table at index keeps the string alive. */
static const char *text(lua_State *L, int index, const char *name)
{
    int type = lua_getfield(L, index, name);
    const char *value = lua_tostring(L, -1);

    if (type != LUA_TSTRING && type != LUA_TNIL)
        luaL_error(L, "option 'tls': '%s' must be a string, got %s", name, luaL_typename(L, -1));
    lua_pop(L, 1);
    return value;
}

static void check_identity(lua_State *L, int index, sse_tls_identity *id)
{
    luaL_checktype(L, index, LUA_TTABLE);
    id->label = text(L, index, "label");
    id->name = text(L, index, "name");
    id->cert = text(L, index, "cert");
    id->key = text(L, index, "key");
    id->chain = text(L, index, "chain");
    if (!id->cert)
        luaL_error(L, "option 'tls': 'cert' is missing");
    if (!id->label)
        id->label = "tls";
}

void sse_check_tls(lua_State *L, int index, sse_tls_options *options)
{
    sse_tls_identity *identities = NULL;
    int list = 0;

    luaL_checktype(L, index, LUA_TTABLE);
    options->min_version = text(L, index, "min_version");
    options->ciphers = text(L, index, "ciphers");
    options->client_ca = text(L, index, "client_ca");
    if (lua_getfield(L, index, "identities") != LUA_TTABLE || lua_rawlen(L, -1) == 0)
        luaL_error(L, "option 'tls': 'identities' must be a list");
    list = lua_gettop(L);
    options->count = (size_t)lua_rawlen(L, list);
    identities = lua_newuserdatauv(L, options->count * sizeof *identities, 0);
    options->identities = identities;
    for (size_t i = 0; i < options->count; i++) {
        lua_rawgeti(L, list, (lua_Integer)i + 1);
        check_identity(L, lua_gettop(L), &identities[i]);
        lua_pop(L, 1);
        if (i > 0 && !identities[i].name)
            luaL_error(L, "option 'tls': a certificate without a name");
    }
}
