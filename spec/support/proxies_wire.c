/* proxies_wire.c: lets specs call what csrc/wire knows of proxies: addresses and networks, the
 * fields X-Forwarded-* and Forwarded, the PROXY protocol's header, and the hosts of a server. */
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/wire/authority.h"
#include "../../csrc/wire/forwarded.h"
#include "../../csrc/wire/proxy_header.h"

enum { MOST = 64 }; /* elements of a list */

static sse_slice check_slice(lua_State *L, int arg)
{
    sse_slice s;

    s.at = luaL_checklstring(L, arg, &s.len);
    return s;
}

/* Pushes "192.0.2.1", eight groups of hexadecimal digits, "unix", or nil. */
static void push_client(lua_State *L, const sse_client *client)
{
    const uint8_t *b = client->bytes;
    char text[64] = "";

    if (client->len == 0) {
        lua_pushnil(L);
        return;
    }
    if (client->len == SSE_CLIENT_UNIX)
        snprintf(text, sizeof text, "unix");
    else if (client->len == 4)
        snprintf(text, sizeof text, "%d.%d.%d.%d", b[0], b[1], b[2], b[3]);
    for (int i = 0; client->len == 16 && i < 8; i++)
        snprintf(text + strlen(text), 8, "%s%x", i ? ":" : "", b[2 * i] << 8 | b[2 * i + 1]);
    lua_pushstring(L, text);
}

/* client(text) -> the address, or nil */
static int f_client(lua_State *L)
{
    sse_client client = { 0 };

    if (sse_client_parse(check_slice(L, 1), &client))
        client.len = 0;
    push_client(L, &client);
    return 1;
}

static void check_network(lua_State *L, int arg, sse_network *out)
{
    const char *why = NULL;

    if (sse_network_parse(check_slice(L, arg), out, &why))
        luaL_error(L, "%s", why);
}

static sse_client check_client(lua_State *L, int arg)
{
    sse_network network;

    check_network(L, arg, &network);
    return network.first;
}

/* has(network, client) -> boolean; raises where the network can't be read */
static int f_has(lua_State *L)
{
    sse_network network;
    sse_client client = check_client(L, 2);

    check_network(L, 1, &network);
    lua_pushboolean(L, sse_networks_have(&network, 1, &client));
    return 1;
}

static size_t check_networks(lua_State *L, int arg, sse_network out[MOST])
{
    size_t count = (size_t)luaL_len(L, arg);

    luaL_argcheck(L, count <= MOST, arg, "too many");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, arg, (lua_Integer)i + 1);
        check_network(L, -1, &out[i]);
        lua_pop(L, 1);
    }
    return count;
}

/* Reads a list { name, value, name, value ... }, which keeps the strings. */
static size_t check_fields(lua_State *L, int arg, sse_http1_field out[MOST])
{
    size_t count = (size_t)luaL_len(L, arg) / 2;

    luaL_argcheck(L, count <= MOST, arg, "too many");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, arg, (lua_Integer)(2 * i) + 1);
        lua_rawgeti(L, arg, (lua_Integer)(2 * i) + 2);
        out[i] = (sse_http1_field){ check_slice(L, -2), check_slice(L, -1) };
        lua_pop(L, 2);
    }
    return count;
}

/* forwarded(fields, networks, peer, bits) -> client, named, scheme, host */
static int f_forwarded(lua_State *L)
{
    static const char *const schemes[] = { NULL, "http", "https" };
    sse_http1_field fields[MOST];
    sse_network networks[MOST];
    sse_forwarded found;
    size_t count = check_fields(L, 1, fields);
    sse_trust trust = { networks, check_networks(L, 2, networks),
                        (unsigned)luaL_optinteger(L, 4, 15) };
    sse_client peer = check_client(L, 3);

    sse_forwarded_read(fields, count, &trust, &peer, &found);
    push_client(L, &found.client);
    lua_pushboolean(L, found.named);
    lua_pushstring(L, schemes[found.scheme]);
    if (found.host.at)
        lua_pushlstring(L, found.host.at, found.host.len);
    else
        lua_pushnil(L);
    return 4;
}

/* Feeds the bytes in pieces of `step` as a connection does, each in a block of its own size, so
 * that a sanitizer sees a read past the end. */
static int feed(sse_slice bytes, size_t step, sse_proxy_header *out, size_t *used)
{
    char *held = NULL;
    size_t len = 0, at = 0;
    int code = SSE_EAGAIN;

    while (code == SSE_EAGAIN && at < bytes.len) {
        size_t n = bytes.len - at < step ? bytes.len - at : step, length = 0;
        char *grown = realloc(held, len + n);

        if (!grown)
            break;
        held = grown;
        memcpy(held + len, bytes.at + at, n);
        length = sse_proxy_header_length((sse_slice){ held, len + n });
        if (length && length < len + n)
            n = length > len ? length - len : 0;
        len += n;
        at += n;
        code = len > SSE_MAX_PROXY_HEADER
                   ? SSE_EPROTO
                   : sse_proxy_header_parse((sse_slice){ held, len }, out);
    }
    free(held);
    *used = at;
    return code;
}

/* proxy_header(bytes, step) -> client or false, secure, used; or nil and the error's name */
static int f_proxy_header(lua_State *L)
{
    sse_proxy_header header = { 0 };
    size_t used = 0;
    int code = feed(check_slice(L, 1), (size_t)luaL_checkinteger(L, 2), &header, &used);

    if (code) {
        lua_pushnil(L);
        lua_pushstring(L, sse_error_name(code));
        return 2;
    }
    if (header.client.len)
        push_client(L, &header.client);
    else
        lua_pushboolean(L, false);
    lua_pushboolean(L, header.secure);
    lua_pushinteger(L, (lua_Integer)used);
    return 3;
}

/* hosts(patterns, host, secure) -> boolean; raises where a pattern can't be read */
static int f_hosts(lua_State *L)
{
    sse_host_pattern patterns[MOST];
    size_t count = (size_t)luaL_len(L, 1);
    const char *why = NULL;

    luaL_argcheck(L, count <= MOST, 1, "too many");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 1, (lua_Integer)i + 1);
        if (sse_host_pattern_parse(check_slice(L, -1), &patterns[i], &why))
            return luaL_error(L, "%s", why);
        lua_pop(L, 1);
    }
    lua_pushboolean(L, sse_hosts_have(patterns, count, check_slice(L, 2), lua_toboolean(L, 3)));
    return 1;
}

__attribute__((visibility("default"))) int luaopen_spec_proxies_wire(lua_State *L);

int luaopen_spec_proxies_wire(lua_State *L)
{
    static const luaL_Reg functions[] = { { "client", f_client },
                                          { "has", f_has },
                                          { "forwarded", f_forwarded },
                                          { "proxy_header", f_proxy_header },
                                          { "hosts", f_hosts },
                                          { NULL, NULL } };

    luaL_newlib(L, functions);
    return 1;
}
