/* server.c: the class sse.server: listens, and calls on_request(exchange) for each whole request.
 */
#include "server.h"

#include <limits.h>
#include <math.h>

#include "exchange.h"
#include "listen_options.h"
#include "record.h"
#include "tls_options.h"
#include "unrun.h"

typedef struct server_object {
    sse_state *st;
    sse_server *server;
    int self; /* anchored, and keeps the loop running, from listen until it is closed and idle */
    size_t charged;
} server_object;

/* The least that a server holds outside of Lua's heap: its buffers, and OpenSSL's for each TLS
 * context. */
#define SERVER_BYTES ((size_t)80 << 10)
#define TLS_BYTES    ((size_t)112 << 10)

enum { ON_REQUEST = SSE_SERVER_OWNER + 1, ON_IDLE, ON_RESPONSE, VALUES = ON_RESPONSE };

static const sse_class server_class;

/* Raises where the server was collected: the finalizer of another object may still refer to it. */
static server_object *check(lua_State *L)
{
    server_object *o = sse_class_check(L, 1, &server_class);

    if (!o->server)
        luaL_error(L, "the server is gone: it was collected");
    return o;
}

sse_server *sse_check_server(lua_State *L)
{
    return check(L)->server;
}

sse_state *sse_server_state(const sse_context *context)
{
    return ((const server_object *)sse_server_user(context))->st;
}

int sse_server_reference(const sse_context *context)
{
    return ((const server_object *)sse_server_user(context))->self;
}

/* --- callbacks -------------------------------------------------------------------------------- */

typedef struct request_call {
    server_object *object;
    sse_exchange *x;
} request_call;

static int call_on_request(lua_State *L)
{
    request_call *call = lua_touserdata(L, 1);

    sse_push_exchange(L, call->x, call->object->self);
    sse_push_value(L, call->object->self, ON_REQUEST);
    lua_pushvalue(L, 2);
    if (call->x->request->record) {
        lua_call(L, 1, 1);
        sse_keep_for_entry(L, call->x->request);
    } else {
        lua_call(L, 1, 0);
    }
    sse_keep_exchange(L, 2);
    return 0;
}

/* Nobody may be left who responds. */
static void reply_failed(sse_exchange *x)
{
    sse_http1_field field = { SSE_SLICE("Content-Type"), SSE_SLICE("text/plain; charset=utf-8") };

    if (x->state == SSE_EXCHANGE_OPEN &&
        sse_exchange_reply(x, 500, &field, 1, SSE_SLICE("Internal Server Error\n"), NULL))
        sse_exchange_abort(x, SSE_END_ERROR);
}

static void on_request(void *user, sse_exchange *x)
{
    server_object *o = user;
    request_call call = { o, x };

    if (!sse_protect(o->st, call_on_request, &call))
        reply_failed(x);
}

typedef struct response_call {
    server_object *object;
    sse_request *request;
} response_call;

static int call_on_response(lua_State *L)
{
    response_call *call = lua_touserdata(L, 1);

    sse_push_entry(L, call->request); /* first: it gives back what was kept for the entry */
    if (call->object->self == LUA_NOREF)
        return 0;
    sse_push_value(L, call->object->self, ON_RESPONSE);
    lua_insert(L, -2);
    if (!lua_isnil(L, -2))
        lua_call(L, 1, 0);
    return 0;
}

static void on_response(void *user, sse_request *request)
{
    response_call call = { user, request };

    sse_protect(call.object->st, call_on_response, &call);
}

static void release_server(lua_State *L, server_object *o)
{
    if (o->self == LUA_NOREF)
        return;
    sse_loop_unref(o->st->loop);
    sse_unanchor(L, &o->self);
}

/* Releases the server before it calls on_idle, since that function may listen again. */
static int call_on_idle(lua_State *L)
{
    server_object *o = lua_touserdata(L, 1);

    sse_push_value(L, o->self, ON_IDLE);
    release_server(L, o);
    if (!lua_isnil(L, -1))
        lua_call(L, 0, 0);
    return 0;
}

static void on_idle(void *user)
{
    server_object *o = user;

    if (o->self != LUA_NOREF)
        sse_protect(o->st, call_on_idle, o);
}

/* --- options ---------------------------------------------------------------------------------- */

/* Reads options[name], a number from `least` to `most`, rounded up; nil: `otherwise`. */
static uint64_t option(lua_State *L, const char *name, uint64_t otherwise, uint64_t least,
                       uint64_t most)
{
    uint64_t value = otherwise;

    if (lua_getfield(L, 1, name) != LUA_TNIL) {
        lua_Number n = lua_tonumber(L, -1);

        if (lua_type(L, -1) != LUA_TNUMBER || !(n >= (lua_Number)least && n <= (lua_Number)most))
            luaL_error(L, "option '%s' must be a number from %I to %I, got %s", name,
                       (lua_Integer)least, (lua_Integer)most, luaL_tolstring(L, -1, NULL));
        value = (uint64_t)ceil(n);
    }
    lua_pop(L, 1);
    return value;
}

static void read_limits(lua_State *L, sse_limits *l)
{
    const uint64_t many = (uint64_t)1 << 50, gib = (uint64_t)1 << 30;

    *l = sse_default_limits;
    l->max_connections = option(L, "max_connections", l->max_connections, 1, many);
    l->max_connections_per_address = option(L, "max_connections_per_address", 0, 1, many);
    l->max_head_size = option(L, "max_head_size", l->max_head_size, 256, gib);
    if (l->max_target > l->max_head_size)
        l->max_target = l->max_head_size;
    l->max_pending = option(L, "max_pending", l->max_pending, 1, many);
    l->max_pending_total = option(L, "max_pending_total", l->max_pending_total, 1, many);
    l->max_body_size = option(L, "max_body_size", l->max_body_size, 0, gib);
    l->max_bodies = option(L, "max_bodies", l->max_bodies, 1, many);
    l->head_timeout = option(L, "head_timeout", l->head_timeout, 1, many);
    l->body_timeout = option(L, "body_timeout", l->body_timeout, 1, many);
    l->write_timeout = option(L, "write_timeout", l->write_timeout, 1, many);
    l->idle_timeout = option(L, "idle_timeout", l->idle_timeout, 1, many);
    l->max_life = option(L, "max_life", l->max_life, 1, SSE_MAX_LIFE);
    l->max_concurrent_requests =
        (uint32_t)option(L, "max_concurrent_requests", l->max_concurrent_requests, 1, INT_MAX);
    if (lua_getfield(L, 1, "heartbeat") == LUA_TBOOLEAN && !lua_toboolean(L, -1))
        l->heartbeat = 0;
    else
        l->heartbeat = option(L, "heartbeat", l->heartbeat, 1, many);
    lua_pop(L, 1);
}

static void charge(lua_State *L, server_object *o)
{
    sse_charge(L, o->st, &o->charged,
               SERVER_BYTES + sse_server_tls_contexts(o->server) * TLS_BYTES);
}

/* Reads options[name], a string that the table keeps alive, or nil. */
static sse_slice text_option(lua_State *L, const char *name)
{
    sse_slice value = { 0 };

    lua_getfield(L, 1, name);
    value.at = luaL_optlstring(L, -1, NULL, &value.len);
    lua_pop(L, 1);
    return value;
}

static int f_server(lua_State *L)
{
    sse_state *st = sse_state_check(L);
    sse_server_options options = { 0 };
    sse_tls_options tls = { 0 };
    server_object *o = NULL;
    char message[512];
    int code = SSE_OK;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "host");
    options.host = luaL_optstring(L, 2, NULL);
    options.port = (int)option(L, "port", 0, 0, 65535);
    options.backlog = (int)option(L, "backlog", 4096, 1, INT_MAX);
    read_limits(L, &options.limits);
    lua_getfield(L, 1, "cross_origin");
    options.cross_origin = lua_toboolean(L, -1);
    lua_pop(L, 1);
    options.heartbeat_event = text_option(L, "heartbeat_event");
    if (lua_getfield(L, 1, "on_request") != LUA_TFUNCTION)
        return luaL_error(L, "option 'on_request' must be a function, got %s",
                          luaL_typename(L, -1));
    sse_check_policy(L, 1, &options.policy);
    if (lua_getfield(L, 1, "tls") != LUA_TNIL) {
        sse_check_tls(L, lua_gettop(L), &tls);
        options.tls = &tls;
    }
    o = sse_class_new(L, &server_class, sizeof *o, VALUES);
    o->self = LUA_NOREF;
    o->st = st;
    code = sse_server_new(st->loop, &options, o, on_request, on_idle, &o->server, message,
                          sizeof message);
    if (code)
        return luaL_error(L, "%s", message);
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, -2, ON_REQUEST);
    lua_getfield(L, 1, "on_idle");
    lua_setiuservalue(L, -2, ON_IDLE);
    lua_getfield(L, 1, "owner");
    lua_setiuservalue(L, -2, SSE_SERVER_OWNER);
    charge(L, o);
    return 1;
}

/* --- methods ---------------------------------------------------------------------------------- */

/* server:listen(options), as sse_check_listen reads them; nil: all is as the server's options say.
 */
static int m_listen(lua_State *L)
{
    server_object *o = check(L);
    sse_tls_options tls = { 0 };
    sse_listen_options options = { .port = -1 };
    char message[512] = "";
    int code = SSE_OK;

    lua_settop(L, 2);
    sse_unrun_prepare(L, o->st);
    if (!lua_isnil(L, 2))
        sse_check_listen(L, 2, &options, &tls);
    code = sse_server_listen(o->server, &options, message, sizeof message);
    if (code == SSE_EINVAL)
        return luaL_error(L, "%s", message);
    if (code)
        return sse_fail(L, code, message);
    if (o->self == LUA_NOREF) {
        sse_anchor(L, 1, &o->self);
        sse_loop_ref(o->st->loop);
        sse_unrun_arm(L, o->st);
    }
    charge(L, o);
    lua_pushboolean(L, true);
    return 1;
}

/* A program that closes its server has not forgotten to run the loop. */
static int m_close(lua_State *L)
{
    server_object *o = check(L);

    sse_server_close(o->server);
    if (!sse_loop_running(o->st->loop))
        sse_loop_keep_left(o->st->loop);
    return 0;
}

/* server:set_on_response(f): f is called with an entry (see record.h) for each response that has
 * ended. nil: requests that arrive are no longer recorded. */
static int m_set_on_response(lua_State *L)
{
    server_object *o = check(L);

    lua_settop(L, 2);
    sse_server_set_on_response(o->server, lua_isnil(L, 2) ? NULL : on_response);
    lua_setiuservalue(L, 1, ON_RESPONSE);
    return 0;
}

static int m_stop_listening(lua_State *L)
{
    sse_server_stop_listening(check(L)->server);
    return 0;
}

/* server:listen_like(fd, options) -> true; or nil, message, code: listens on the options' `fds` as
 * on the copy of fd. */
static int m_listen_like(lua_State *L)
{
    server_object *o = check(L);
    sse_tls_options tls = { 0 };
    sse_listen_options options = { .port = -1 };
    char message[512] = "";
    int code = SSE_OK, fd = (int)luaL_checkinteger(L, 2);

    lua_settop(L, 3);
    sse_check_listen(L, 3, &options, &tls);
    code = sse_server_listen_like(o->server, fd, options.fds, options.fd_count, message,
                                  sizeof message);
    if (code)
        return sse_fail(L, code, message);
    charge(L, o);
    lua_pushboolean(L, true);
    return 1;
}

/* server:stop_copies(fd): closes the listeners on copies of a descriptor. */
static int m_stop_copies(lua_State *L)
{
    sse_server_stop_copies(check(L)->server, (int)luaL_checkinteger(L, 2));
    return 0;
}

static int m_reload_tls(lua_State *L)
{
    sse_server *server = check(L)->server;
    char message[512];
    int code = SSE_OK;

    if (sse_server_tls_contexts(server) == 0)
        return luaL_error(L, "the server has no TLS: give it the option 'tls'");
    code = sse_server_reload_tls(server, message, sizeof message);
    if (code)
        return sse_fail(L, code, message);
    lua_pushboolean(L, true);
    return 1;
}

/* server:shutdown(within, retry, grace), all in milliseconds. */
static int m_shutdown(lua_State *L)
{
    server_object *o = check(L);
    sse_shutdown_options options = { .within = (uint64_t)luaL_checknumber(L, 2),
                                     .retry = (uint64_t)luaL_checknumber(L, 3),
                                     .grace = (uint64_t)luaL_checknumber(L, 4) };

    sse_server_shut_down(o->server, &options);
    return 0;
}

/* Sets a table with a number for each reason, up to `last`, that something may end for. */
static void set_reasons(lua_State *L, const char *name, const uint64_t counts[SSE_REASONS],
                        sse_reason last)
{
    lua_createtable(L, 0, SSE_REASONS);
    for (int i = SSE_END_CLIENT; i <= (int)last; i++)
        sse_set_number(L, sse_reason_name((sse_reason)i), counts[i]);
    lua_setfield(L, -2, name);
}

/* Sets a table of how many requests the core refused by status, without the statuses that never
 * came up. */
static void set_statuses(lua_State *L, const char *name, const uint64_t counts[SSE_STATUSES])
{
    lua_newtable(L);
    for (int i = 0; i < SSE_STATUSES; i++) {
        if (!counts[i])
            continue;
        lua_pushinteger(L, (lua_Integer)counts[i]);
        lua_rawseti(L, -2, 400 + i);
    }
    lua_setfield(L, -2, name);
}

static void set_connection_numbers(lua_State *L, const sse_counters *c)
{
    sse_set_number(L, "connections_open", c->connections);
    sse_set_number(L, "connections_accepted", c->accepted);
    sse_set_number(L, "connections_refused", c->refused);
    sse_set_number(L, "connections_unproxied", c->unproxied);
    set_reasons(L, "connections_closed", c->closed, SSE_END_ERROR);
    sse_set_number(L, "connections_accept_pauses", c->accept_pauses);
    sse_set_number(L, "requests_received", c->requests);
    set_statuses(L, "requests_refused", c->rejected);
    sse_set_number(L, "streams_open", c->streams);
    sse_set_number(L, "streams_opened", c->streams_opened);
    set_reasons(L, "streams_ended", c->streams_ended, SSE_END_EXPIRED);
    sse_set_number(L, "traffic_received_bytes", c->bytes_in);
    sse_set_number(L, "traffic_sent_bytes", c->bytes_out);
}

static void set_memory_numbers(lua_State *L, const sse_counters *c)
{
    lua_createtable(L, 0, 2);
    sse_set_number(L, "full", c->sends_refused);
    sse_set_number(L, "oversized", c->sends_oversized);
    lua_setfield(L, -2, "sends_refused");
    sse_set_number(L, "memory_pending_bytes", c->queued.pending);
    sse_set_number(L, "memory_buffered_bytes", c->queued.held);
    sse_set_number(L, "memory_body_bytes", c->bodies);
    sse_set_number(L, "memory_overflows", c->overload_ends);
    sse_set_number(L, "compression_streams", c->compressed);
    sse_set_number(L, "compression_streams_with_window", c->compression_windows);
    sse_set_number(L, "compression_input_bytes", c->uncompressed_bytes);
    sse_set_number(L, "compression_output_bytes", c->compressed_bytes);
}

static void set_protocol_numbers(lua_State *L, const sse_counters *c, const sse_tls_counters *tls)
{
    sse_set_number(L, "http2_connections", c->http2_connections);
    sse_set_number(L, "http2_streams", c->http2_streams);
    sse_set_number(L, "http2_streams_starved", c->http2_starved);
    lua_createtable(L, 0, 3);
    sse_set_number(L, "resets", c->http2_resets);
    sse_set_number(L, "floods", c->http2_floods);
    sse_set_number(L, "header_floods", c->http2_header_floods);
    lua_setfield(L, -2, "http2_abuse");
    sse_set_number(L, "tls_handshakes", tls->handshakes);
    sse_set_number(L, "tls_handshakes_resumed", tls->resumed);
    sse_set_number(L, "tls_handshakes_failed", tls->failures);
}

/* server:numbers() -> all that is counted, by the stems of lua/sse/server/metric_names.lua */
static int m_numbers(lua_State *L)
{
    const sse_server *server = check(L)->server;

    lua_createtable(L, 0, 29);
    set_connection_numbers(L, sse_server_counters(server));
    set_memory_numbers(L, sse_server_counters(server));
    set_protocol_numbers(L, sse_server_counters(server), sse_server_tls_counters(server));
    return 1;
}

static int p_port(lua_State *L)
{
    lua_pushinteger(L, sse_server_port(check(L)->server));
    return 1;
}

static int p_listening(lua_State *L)
{
    lua_pushboolean(L, sse_server_listening(check(L)->server));
    return 1;
}

/* server.active: it listens, or on_idle is still to come. */
static int p_active(lua_State *L)
{
    lua_pushboolean(L, check(L)->self != LUA_NOREF);
    return 1;
}

static int mm_gc(lua_State *L)
{
    server_object *o = lua_touserdata(L, 1);
    sse_server *server = o->server;

    if (!server || !o->st->loop)
        return 0;
    release_server(L, o);
    o->server = NULL; /* before the free, whose callbacks may use the object */
    sse_discharge(o->st, &o->charged);
    sse_server_free(server);
    return 0;
}

static const luaL_Reg functions[] = { { "server", f_server }, { NULL, NULL } };
static const luaL_Reg methods[] = {
    { "listen", m_listen },
    { "close", m_close },
    { "stop_listening", m_stop_listening },
    { "listen_like", m_listen_like },
    { "stop_copies", m_stop_copies },
    { "set_on_response", m_set_on_response },
    { "shutdown", m_shutdown },
    { "reload_tls", m_reload_tls },
    { "numbers", m_numbers },
    { NULL, NULL },
};
static const luaL_Reg properties[] = {
    { "port", p_port }, { "listening", p_listening }, { "active", p_active }, { NULL, NULL }
};
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { NULL, NULL } };
static const sse_class server_class = { "sse.server", methods, properties, metamethods, NULL };

void sse_open_server(lua_State *L)
{
    sse_class_register(L, &server_class);
    luaL_setfuncs(L, functions, 0);
}
