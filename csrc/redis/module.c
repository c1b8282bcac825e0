/* module.c: the Lua module sse.redis.core: connections to Redis servers, and look-ups of names.
 * Only lua/sse/redis uses it. Nothing here waits: the callers watch the descriptors on the loop. */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "appends.h"
#include "command.h"
#include "connection.h"
#include "resolver.h"
#include "tls.h"

#if LUA_VERSION_NUM < 504
#error "lua-sse needs Lua 5.4 or later"
#endif

#define CONNECTION    "sse.redis.connection"
#define RESOLVER      "sse.redis.resolver"
#define TLS_CONTEXT   "sse.redis.tls"
#define MESSAGE_BYTES 512
#define MAX_ARGUMENTS 65536 /* of a command */

typedef struct handle {
    connection connection;
    pid_t owner;
} handle;

typedef struct lookup {
    resolver *resolver; /* NULL: closed */
} lookup;

typedef struct tls_handle {
    tls_context *context;
} tls_handle;

static int fail(lua_State *L, const char *message, const char *code)
{
    lua_pushnil(L);
    lua_pushstring(L, message);
    lua_pushstring(L, code);
    return 3;
}

/* --- connections ------------------------------------------------------------------------------ */

/* Raises unless the first argument is a connection that is open, in the process that opened it. */
static connection *check(lua_State *L)
{
    handle *h = luaL_checkudata(L, 1, CONNECTION);

    luaL_argcheck(L, h->connection.redis, 1, "the connection is closed");
    luaL_argcheck(L, h->owner == getpid(), 1, "the connection is the parent process's");
    return &h->connection;
}

static handle *new_handle(lua_State *L)
{
    handle *h = lua_newuserdatauv(L, sizeof *h, 0);

    memset(h, 0, sizeof *h);
    luaL_setmetatable(L, CONNECTION);
    h->owner = getpid();
    return h;
}

static int started(lua_State *L, connect_result result, const char *what)
{
    int error = errno;

    if (result == CONNECT_STARTED)
        return 1;
    if (result == CONNECT_NO_ADDRESS)
        return fail(L, what, "ENAME");
    return fail(L, strerror(error), "ECONNECT");
}

/* tcp(address, port) -> a connection that is being made; or nil, message, code: "ENAME" where the
 * address is a name that must be looked up first */
static int f_tcp(lua_State *L)
{
    const char *address = luaL_checkstring(L, 1), *port = luaL_checkstring(L, 2);
    handle *h = new_handle(L);

    return started(L, connection_start_tcp(&h->connection, address, port), "no numeric address");
}

/* unix(path) -> the same */
static int f_unix(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    handle *h = new_handle(L);

    return started(L, connection_start_unix(&h->connection, path),
                   "the path is too long for a socket");
}

/* connection:fd() */
static int m_fd(lua_State *L)
{
    lua_pushinteger(L, check(L)->redis->fd);
    return 1;
}

/* connection:connected() -> true, or nil, message: asked once the socket can be written */
static int m_connected(lua_State *L)
{
    int error = connection_error(check(L));

    if (error)
        return fail(L, strerror(error), "ECONNECT");
    lua_pushboolean(L, 1);
    return 1;
}

/* connection:tls(context, host) -> true, or nil, message */
static int m_tls(lua_State *L)
{
    connection *c = check(L);
    const tls_handle *t = luaL_checkudata(L, 2, TLS_CONTEXT);
    char message[MESSAGE_BYTES];

    if (!tls_start(t->context, c->redis, luaL_checkstring(L, 3), &c->tls, message, sizeof message))
        return fail(L, message, "ETLS");
    lua_pushboolean(L, 1);
    return 1;
}

/* The words of a command: strings and integers of a table. */
typedef struct words {
    int count;
    const char **at;
    size_t *lengths;
} words;

/* Reads the table at index 2, which keeps the strings; pushes what keeps the rest. */
static words check_words(lua_State *L)
{
    words w = { 0 };
    lua_Unsigned count = 0;

    luaL_checktype(L, 2, LUA_TTABLE);
    count = lua_rawlen(L, 2);
    luaL_argcheck(L, count > 0 && count <= MAX_ARGUMENTS, 2, "too few or too many words");
    w.count = (int)count;
    w.at = lua_newuserdatauv(L, count * sizeof *w.at, 0);
    w.lengths = lua_newuserdatauv(L, count * sizeof *w.lengths, 0);
    for (int i = 0; i < w.count; i++) {
        if (lua_rawgeti(L, 2, i + 1) == LUA_TNUMBER) {
            lua_tolstring(L, -1, NULL);
            lua_pushvalue(L, -1);
            lua_rawseti(L, 2, i + 1);
        }
        w.at[i] = luaL_checklstring(L, -1, &w.lengths[i]);
        lua_pop(L, 1);
    }
    return w;
}

/* connection:add{ ... }: adds a command, whose words are strings and integers */
static int m_add(lua_State *L)
{
    connection *c = check(L);
    words w = check_words(L);

    if (!connection_add(c, w.count, w.at, w.lengths))
        return luaL_error(L, "not enough memory");
    return 0;
}

/* connection:add_append({ ... }, run, mark): adds a command that has the run's events behind the
 * words; each event's token is the mark and its number */
static int m_add_append(lua_State *L)
{
    connection *c = check(L);
    const run *r = appends_check_run(L, 3);
    sse_slice mark = { 0 };
    size_t len = 0;
    char *bytes = NULL;
    bool is_added = false;
    words w;

    mark.at = luaL_checklstring(L, 4, &mark.len);
    w = check_words(L);
    bytes = command_append(w.count, w.at, w.lengths, r, mark, &len);
    is_added = bytes && connection_add_bytes(c, bytes, len);
    free(bytes);
    return is_added ? 0 : luaL_error(L, "not enough memory");
}

/* Why a connection is lost. */
static const char *why_lost(const connection *c)
{
    const char *reason = c->tls ? tls_reason(c->tls) : NULL;

    return reason ? reason : c->redis->errstr;
}

/* connection:write() -> true, all is written; false, the rest can be once the socket takes more;
 * "read", once something has been read; or nil, message */
static int m_write(lua_State *L)
{
    connection *c = check(L);
    write_result result = WRITE_DONE;

    if (!connection_write(c, &result))
        return fail(L, why_lost(c), "ECONNECT");
    if (result == WRITE_NEEDS_BYTES)
        lua_pushliteral(L, "read");
    else
        lua_pushboolean(L, result == WRITE_DONE);
    return 1;
}

/* --- replies ---------------------------------------------------------------------------------- */

static void push_reply(lua_State *L, const redisReply *r);

static void push_elements(lua_State *L, const redisReply *r)
{
    lua_createtable(L, (int)r->elements, 0);
    for (size_t i = 0; i < r->elements; i++) {
        push_reply(L, r->element[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

/* Pushes a reply: a string, an integer, a list, false for nil, { error = message } for an error. */
static void push_reply(lua_State *L, const redisReply *r)
{
    luaL_checkstack(L, 6, "a reply that is nested too deeply");
    switch (r->type) {
    case REDIS_REPLY_INTEGER:
        lua_pushinteger(L, r->integer);
        return;
    case REDIS_REPLY_NIL:
        lua_pushboolean(L, 0);
        return;
    case REDIS_REPLY_ERROR:
        lua_createtable(L, 0, 1);
        lua_pushlstring(L, r->str, r->len);
        lua_setfield(L, -2, "error");
        return;
    case REDIS_REPLY_ARRAY:
        push_elements(L, r);
        return;
    default: /* strings; types of RESP3, which is not asked for */
        if (r->str)
            lua_pushlstring(L, r->str, r->len);
        else
            lua_pushboolean(L, 0);
    }
}

/* connection:read() -> the list of the replies that are whole; and where the connection is lost,
 * also why. A memory error may lose replies: the connection must be closed then. */
static int m_read(lua_State *L)
{
    connection *c = check(L);
    bool is_lost = !connection_read(c), ok = true;
    lua_Integer count = 0;

    lua_newtable(L);
    while (ok && connection_take(c, &ok)) {
        push_reply(L, c->reply);
        lua_rawseti(L, -2, ++count);
        connection_free_reply(c);
    }
    if (!is_lost && ok)
        return 1;
    lua_pushstring(L, why_lost(c));
    return 2;
}

/* connection:numbers() -> bytes sent, bytes received */
static int m_numbers(lua_State *L)
{
    const handle *h = luaL_checkudata(L, 1, CONNECTION);

    lua_pushinteger(L, (lua_Integer)h->connection.sent);
    lua_pushinteger(L, (lua_Integer)h->connection.received);
    return 2;
}

static int m_close(lua_State *L)
{
    handle *h = luaL_checkudata(L, 1, CONNECTION);

    connection_close(&h->connection);
    return 0;
}

/* --- names ------------------------------------------------------------------------------------ */

/* resolve(host) -> a look-up, or nil, message, code */
static int f_resolve(lua_State *L)
{
    const char *host = luaL_checkstring(L, 1);
    lookup *l = lua_newuserdatauv(L, sizeof *l, 0);

    l->resolver = NULL;
    luaL_setmetatable(L, RESOLVER);
    l->resolver = resolver_start(host);
    return l->resolver ? 1 : fail(L, "no memory, descriptor or thread is left", "ENOMEM");
}

static resolver *check_resolver(lua_State *L)
{
    const lookup *l = luaL_checkudata(L, 1, RESOLVER);

    luaL_argcheck(L, l->resolver, 1, "the look-up is closed");
    return l->resolver;
}

/* lookup:fd() -> the descriptor that can be read once the look-up is over */
static int r_fd(lua_State *L)
{
    lua_pushinteger(L, resolver_fd(check_resolver(L)));
    return 1;
}

/* lookup:take() -> the addresses, a list; or nil, message, code; false: the look-up goes on */
static int r_take(lua_State *L)
{
    const resolver *r = check_resolver(L);

    if (!resolver_is_done(r)) {
        lua_pushboolean(L, 0);
        return 1;
    }
    if (resolver_count(r) == 0)
        return fail(L, resolver_error(r), "ENAME");
    lua_newtable(L);
    for (int i = 0; i < resolver_count(r); i++) {
        lua_pushstring(L, resolver_address(r, i));
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

static int r_close(lua_State *L)
{
    lookup *l = luaL_checkudata(L, 1, RESOLVER);

    if (l->resolver)
        resolver_drop(l->resolver);
    l->resolver = NULL;
    return 0;
}

/* --- TLS -------------------------------------------------------------------------------------- */

static const char *text_field(lua_State *L, const char *name)
{
    lua_getfield(L, 1, name);
    return luaL_optstring(L, -1, NULL); /* the table keeps the string */
}

/* tls{ ca, cert, key, insecure } -> what connections need for TLS; or nil, message, code */
static int f_tls(lua_State *L)
{
    tls_options options = { 0 };
    tls_handle *t = NULL;
    char message[MESSAGE_BYTES];

    luaL_checktype(L, 1, LUA_TTABLE);
    options.ca = text_field(L, "ca");
    options.cert = text_field(L, "cert");
    options.key = text_field(L, "key");
    lua_getfield(L, 1, "insecure");
    options.insecure = lua_toboolean(L, -1);
    t = lua_newuserdatauv(L, sizeof *t, 0);
    t->context = NULL;
    luaL_setmetatable(L, TLS_CONTEXT);
    t->context = tls_context_new(&options, message, sizeof message);
    return t->context ? 1 : fail(L, message, "ETLS");
}

static int t_close(lua_State *L)
{
    tls_handle *t = luaL_checkudata(L, 1, TLS_CONTEXT);

    tls_context_free(t->context);
    t->context = NULL;
    return 0;
}

/* pid() -> the process's number, by which a forked child knows what is its parent's */
static int f_pid(lua_State *L)
{
    lua_pushinteger(L, getpid());
    return 1;
}

/* --- tables ----------------------------------------------------------------------------------- */

static const luaL_Reg connection_methods[] = {
    { "fd", m_fd },     { "connected", m_connected },   { "tls", m_tls },
    { "add", m_add },   { "add_append", m_add_append }, { "write", m_write },
    { "read", m_read }, { "close", m_close },           { "numbers", m_numbers },
    { NULL, NULL },
};
static const luaL_Reg connection_metamethods[] = { { "__gc", m_close },
                                                   { "__close", m_close },
                                                   { NULL, NULL } };
static const luaL_Reg resolver_methods[] = {
    { "fd", r_fd }, { "take", r_take }, { "close", r_close }, { NULL, NULL }
};
static const luaL_Reg resolver_metamethods[] = { { "__gc", r_close },
                                                 { "__close", r_close },
                                                 { NULL, NULL } };
static const luaL_Reg no_methods[] = { { NULL, NULL } };
static const luaL_Reg tls_metamethods[] = { { "__gc", t_close }, { NULL, NULL } };
static const luaL_Reg functions[] = { { "tcp", f_tcp },           { "unix", f_unix },
                                      { "resolve", f_resolve },   { "tls", f_tls },
                                      { "pid", f_pid },           { "tally", appends_tally },
                                      { "queue", appends_queue }, { NULL, NULL } };

static void register_class(lua_State *L, const char *name, const luaL_Reg *methods,
                           const luaL_Reg *metamethods)
{
    luaL_newmetatable(L, name);
    luaL_setfuncs(L, metamethods, 0);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

int luaopen_sse_redis_core(lua_State *L);

__attribute__((visibility("default"))) int luaopen_sse_redis_core(lua_State *L)
{
    luaL_checkversion(L);
    register_class(L, CONNECTION, connection_methods, connection_metamethods);
    register_class(L, RESOLVER, resolver_methods, resolver_metamethods);
    register_class(L, TLS_CONTEXT, no_methods, tls_metamethods);
    appends_register(L);
    luaL_newlib(L, functions);
    lua_pushboolean(L, tls_is_supported());
    lua_setfield(L, -2, "has_tls");
    return 1;
}
