#include "listen_options.h"

#include "tls_options.h"

/* Reads the list table[name], whose strings the table keeps, into a new userdata, which is pushed;
 * absent: pushes nil. */
static const sse_slice *list_of(lua_State *L, int index, const char *name, size_t *count)
{
    sse_slice *list = NULL;

    *count = 0;
    if (lua_getfield(L, index, name) == LUA_TNIL)
        return NULL;
    luaL_checktype(L, -1, LUA_TTABLE);
    *count = (size_t)lua_rawlen(L, -1);
    list = lua_newuserdatauv(L, (*count + 1) * sizeof *list, 0);
    for (size_t i = 0; i < *count; i++) {
        if (lua_rawgeti(L, -2, (lua_Integer)i + 1) != LUA_TSTRING)
            luaL_error(L, "option '%s' must be a list of strings", name);
        list[i].at = lua_tolstring(L, -1, &list[i].len);
        lua_pop(L, 1);
    }
    lua_remove(L, -2);
    return list;
}

static unsigned field_bit(lua_State *L, sse_slice name)
{
    static const struct {
        const char *name;
        unsigned bit;
    } fields[] = { { "X-Forwarded-For", SSE_X_FORWARDED_FOR },
                   { "X-Forwarded-Proto", SSE_X_FORWARDED_PROTO },
                   { "X-Forwarded-Host", SSE_X_FORWARDED_HOST },
                   { "Forwarded", SSE_FORWARDED } };

    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (sse_slice_is_name(name, fields[i].name))
            return fields[i].bit;
    return (unsigned)luaL_error(L,
                                "option 'proxy_headers': there are X-Forwarded-For, "
                                "X-Forwarded-Proto, X-Forwarded-Host and Forwarded, not '%s'",
                                name.at);
}

void sse_check_policy(lua_State *L, int index, sse_policy_options *options)
{
    size_t count = 0;
    const sse_slice *fields = NULL;

    luaL_checkstack(L, 8, NULL);
    options->trusted = list_of(L, index, "trusted_proxies", &options->trusted_count);
    options->hosts = list_of(L, index, "hosts", &options->host_count);
    fields = list_of(L, index, "proxy_headers", &count);
    options->proxy_fields = fields ? 0 : ~0u;
    for (size_t i = 0; fields && i < count; i++)
        options->proxy_fields |= field_bit(L, fields[i]);
}

static bool boolean_of(lua_State *L, int index, const char *name)
{
    bool value = false;

    lua_getfield(L, index, name);
    value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

/* Reads table[name], a whole number; nil: `otherwise`. */
static int number_of(lua_State *L, int index, const char *name, int otherwise)
{
    int value = 0;

    lua_getfield(L, index, name);
    value = (int)luaL_optinteger(L, -1, otherwise);
    lua_pop(L, 1);
    return value;
}

/* Reads table[name], a string that the table keeps, or nil. */
static const char *text_of(lua_State *L, int index, const char *name)
{
    const char *text = NULL;

    lua_getfield(L, index, name);
    text = luaL_optstring(L, -1, NULL);
    lua_pop(L, 1);
    return text;
}

/* Reads the list `fds` into a new userdata, which is pushed; absent: pushes nil. */
static void check_descriptors(lua_State *L, int index, sse_listen_options *options)
{
    int *fds = NULL;

    if (lua_getfield(L, index, "fds") == LUA_TNIL)
        return;
    luaL_checktype(L, -1, LUA_TTABLE);
    options->fd_count = (size_t)lua_rawlen(L, -1);
    fds = lua_newuserdatauv(L, (options->fd_count + 1) * sizeof *fds, 0);
    for (size_t i = 0; i < options->fd_count; i++) {
        lua_rawgeti(L, -2, (lua_Integer)i + 1);
        fds[i] = (int)luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    }
    lua_remove(L, -2);
    options->fds = fds;
}

void sse_check_listen(lua_State *L, int index, sse_listen_options *options, sse_tls_options *tls)
{
    index = lua_absindex(L, index);
    luaL_checktype(L, index, LUA_TTABLE);
    luaL_checkstack(L, 16, NULL);
    *options = (sse_listen_options){ .host = text_of(L, index, "host"),
                                     .port = number_of(L, index, "port", -1),
                                     .unix_path = text_of(L, index, "unix"),
                                     .unix_mode = number_of(L, index, "mode", -1),
                                     .listening = boolean_of(L, index, "listening"),
                                     .port_reuse = boolean_of(L, index, "port_reuse"),
                                     .proxy_protocol = boolean_of(L, index, "proxy_protocol") };
    check_descriptors(L, index, options);
    if (lua_getfield(L, index, "tls") == LUA_TTABLE) {
        sse_check_tls(L, lua_gettop(L), tls);
        options->tls = tls;
    } else {
        options->plain = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
    }
}
