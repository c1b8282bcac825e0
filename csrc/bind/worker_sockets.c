#include "worker_sockets.h"

#include "../server/worker_sockets.h"
#include "class.h"
#include "listen_options.h"

static const sse_class sockets_class;

static sse_worker_sockets *check(lua_State *L)
{
    return sse_class_check(L, 1, &sockets_class);
}

/* The argument is a worker, from 1. Returns it from 0. */
static size_t check_worker(lua_State *L, const sse_worker_sockets *s)
{
    lua_Integer worker = luaL_checkinteger(L, 2);

    luaL_argcheck(L, worker >= 1 && (size_t)worker <= s->workers, 2, "no such worker");
    return (size_t)worker - 1;
}

/* worker_sockets(options, workers, backlog) -> the sockets; or nil, message, code. The options are
 * those of sse_check_listen. */
static int f_worker_sockets(lua_State *L)
{
    sse_listen_options options = { .port = -1 };
    sse_tls_options tls = { 0 };
    lua_Integer workers = luaL_checkinteger(L, 2), backlog = luaL_checkinteger(L, 3);
    sse_worker_sockets *s = NULL;
    char message[512] = "";
    int code = SSE_OK;

    luaL_argcheck(L, workers >= 1 && workers <= 1024, 2, "out of range");
    lua_settop(L, 3);
    sse_check_listen(L, 1, &options, &tls);
    s = sse_class_new(L, &sockets_class, sizeof *s, 0);
    code = sse_worker_sockets_open(s, &options, (size_t)workers, (int)backlog, message,
                                   sizeof message);
    return code ? sse_fail(L, code, message) : 1;
}

/* sockets:of(worker) -> a list of descriptors */
static int m_of(lua_State *L)
{
    const sse_worker_sockets *s = check(L);
    size_t worker = check_worker(L, s);

    lua_createtable(L, (int)s->addresses, 0);
    for (size_t i = 0; i < s->addresses; i++) {
        lua_pushinteger(L, sse_worker_socket(s, worker, i));
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    return 1;
}

static int p_port(lua_State *L)
{
    lua_pushinteger(L, check(L)->port);
    return 1;
}

static int mm_gc(lua_State *L)
{
    sse_worker_sockets_close(lua_touserdata(L, 1));
    return 0;
}

static int m_close(lua_State *L)
{
    check(L);
    return mm_gc(L);
}

static const luaL_Reg methods[] = { { "of", m_of }, { "close", m_close }, { NULL, NULL } };
static const luaL_Reg properties[] = { { "port", p_port }, { NULL, NULL } };
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { "__close", mm_gc }, { NULL, NULL } };
static const sse_class sockets_class = { "sse.worker_sockets", methods, properties, metamethods,
                                         NULL };

void sse_open_worker_sockets(lua_State *L)
{
    sse_class_register(L, &sockets_class);
    lua_pushcfunction(L, f_worker_sockets);
    lua_setfield(L, -2, "worker_sockets");
}
