/* exchange.c: the class sse.exchange: one request and its response. The Lua layer makes `req` and
 * `res` of it. */
#include "exchange.h"

#include "../http/visitor.h"
#include "../server/server.h"
#include "../tls/certificate.h"
#include "callbacks.h"
#include "hint.h"
#include "request.h"
#include "response.h"
#include "stream.h"
#include "stream_options.h"

typedef struct exchange_object {
    sse_state *st;
    sse_exchange *x;      /* NULL once it has ended or has become an event stream */
    sse_request *request; /* lives as long as this object; its body only as long as the exchange */
    sse_certificate *certificate; /* that the client showed, from m_request on; or NULL */
    int self;   /* anchored by sse_keep_exchange, and where it has a callback, until
                   the exchange has ended or is an event stream */
    int server; /* reference of the server's object, valid while x is there */
    sse_reason reason;
    uint8_t state;  /* sse_exchange_state as it was last, once x is NULL */
    bool streaming; /* it has become an event stream */
} exchange_object;

enum { ON_CLOSE = 1, ON_DRAIN, VALUES = ON_DRAIN };

static const sse_class exchange_class;

static exchange_object *check(lua_State *L)
{
    return sse_class_check(L, 1, &exchange_class);
}

/* --- callbacks -------------------------------------------------------------------------------- */

static int call_on_end(lua_State *L)
{
    exchange_object *o = lua_touserdata(L, 1);

    sse_push_value(L, o->self, ON_CLOSE);
    sse_unanchor(L, &o->self);
    if (o->reason == SSE_END_FINISHED || lua_isnil(L, -1))
        return 0;
    lua_pushstring(L, sse_reason_name(o->reason));
    lua_call(L, 1, 0);
    return 0;
}

static void on_end(void *user, sse_reason reason)
{
    exchange_object *o = user;

    o->state = o->x->state;
    o->reason = reason;
    o->x = NULL;
    if (o->self != LUA_NOREF)
        sse_protect(o->st, call_on_end, o);
}

/* For a call of the program's that may have finished the exchange. Nothing is told about a finished
 * one, so the object lets go of it at once, which costs less than a call of on_end. */
static void let_go_if_finished(lua_State *L, exchange_object *o)
{
    if (!o->x || o->x->state != SSE_EXCHANGE_FINISHED)
        return;
    o->x->user = NULL;
    o->x->on = &sse_exchange_no_events;
    o->x = NULL;
    o->state = SSE_EXCHANGE_FINISHED;
    o->reason = SSE_END_FINISHED;
    sse_unanchor(L, &o->self);
}

static int call_on_drain(lua_State *L)
{
    exchange_object *o = lua_touserdata(L, 1);

    sse_push_value(L, o->self, ON_DRAIN);
    if (!lua_isnil(L, -1))
        lua_call(L, 0, 0);
    return 0;
}

static void on_drain(void *user)
{
    exchange_object *o = user;

    if (o->self != LUA_NOREF)
        sse_protect(o->st, call_on_drain, o);
}

static const sse_exchange_events events = { .on_end = on_end, .on_drain = on_drain };

static int s_on_close(lua_State *L)
{
    exchange_object *o = check(L);

    sse_set_callback(L, "on_close", ON_CLOSE, o->x != NULL, &o->self);
    return 0;
}

static int s_on_drain(lua_State *L)
{
    exchange_object *o = check(L);

    sse_set_callback(L, "on_drain", ON_DRAIN, o->x != NULL, &o->self);
    return 0;
}

/* --- the request ------------------------------------------------------------------------------ */

static sse_request *check_request(lua_State *L)
{
    exchange_object *o = check(L);

    if (!o->request)
        luaL_error(L, "the request is gone: it was collected");
    return o->request;
}

static int push_slice(lua_State *L, sse_slice s)
{
    lua_pushlstring(L, s.at, s.len);
    return 1;
}

static int p_method(lua_State *L)
{
    return push_slice(L, check_request(L)->method);
}

static int p_target(lua_State *L)
{
    return push_slice(L, check_request(L)->target);
}

static int p_body(lua_State *L)
{
    return push_slice(L, sse_buffer_slice(&check_request(L)->body));
}

static int p_protocol(lua_State *L)
{
    sse_push_protocol(L, check_request(L));
    return 1;
}

static int p_remote_address(lua_State *L)
{
    char text[64];

    sse_client_text(&check_request(L)->client, text, sizeof text);
    lua_pushstring(L, text);
    return 1;
}

static void set_slice(lua_State *L, const char *name, sse_slice s)
{
    push_slice(L, s);
    lua_setfield(L, -2, name);
}

/* A new table of what the client's certificate says; nil where the client showed none. */
static int p_client_certificate(lua_State *L)
{
    const sse_certificate *c = check(L)->certificate;

    if (!c)
        return 0;
    lua_createtable(L, 0, 5);
    set_slice(L, "subject", c->subject);
    set_slice(L, "issuer", c->issuer);
    if (c->serial.len)
        set_slice(L, "serial", c->serial);
    if (c->has_not_after) {
        lua_pushinteger(L, (lua_Integer)c->not_after);
        lua_setfield(L, -2, "not_after");
    }
    set_slice(L, "fingerprint", c->fingerprint);
    return 1;
}

/* Pushes the path of the request target at `index`; nil where the target is in absolute-form. */
static void push_path(lua_State *L, int index, sse_slice target)
{
    const char *query = target.len ? memchr(target.at, '?', target.len) : NULL;

    if (target.len == 0 || (target.at[0] != '/' && target.at[0] != '*'))
        lua_pushnil(L);
    else if (query)
        lua_pushlstring(L, target.at, (size_t)(query - target.at));
    else
        lua_pushvalue(L, index);
}

/* exchange:request() -> method, target, body, path: what every `req` is made of. Call it once: the
 * exchange drops the body, so that only the Lua string holds it. What TLS tells can be read from
 * now on, also when the connection is gone. */
static int m_request(lua_State *L)
{
    exchange_object *o = check(L);
    sse_request *r = check_request(L);
    sse_tls *tls = o->x ? sse_exchange_tls(o->x) : NULL;

    push_slice(L, r->method);
    push_slice(L, r->target);
    push_slice(L, sse_buffer_slice(&r->body));
    push_path(L, -2, r->target);
    sse_request_free_body(r);
    if (tls && !o->certificate)
        o->certificate = sse_tls_client_certificate(tls);
    return 4;
}

static int p_secure(lua_State *L)
{
    lua_pushboolean(L, check_request(L)->secure);
    return 1;
}

/* nil where HTTP/1.0 has none. */
static int p_host(lua_State *L)
{
    sse_slice host = sse_visitor_host(check_request(L));

    return host.at ? push_slice(L, host) : 0;
}

static int m_header(lua_State *L)
{
    sse_request *r = check_request(L);
    sse_slice name;

    name.at = luaL_checklstring(L, 2, &name.len);
    sse_push_header(L, r, name);
    return 1;
}

static int m_headers(lua_State *L)
{
    sse_push_headers(L, check_request(L));
    return 1;
}

/* --- the response ----------------------------------------------------------------------------- */

static int check_status(lua_State *L, int index)
{
    lua_Integer status = luaL_checkinteger(L, index);

    luaL_argcheck(L, status >= 200 && status <= 599, index, "expected a status from 200 to 599");
    return (int)status;
}

static int answered_before(lua_State *L)
{
    return luaL_error(L, "the request was answered already" SSE_PAGE("answered"));
}

/* Pushes what became of a response head that the core was to send, by its code: true, or nil,
 * message, code. A bad field, or a second response, is misuse and raises. */
static int push_head_sent(lua_State *L, int code, const sse_http1_field *fields, size_t count,
                          size_t bad)
{
    if (code == SSE_EINVAL)
        return sse_raise_bad_field(L, fields, count, bad);
    if (code == SSE_ESTATE)
        return answered_before(L);
    return sse_push_sent(L, code);
}

/* Returns the exchange, or NULL where its client has left. Raises where it was answered already. */
static sse_exchange *check_open(lua_State *L, exchange_object *o)
{
    if (o->streaming || (!o->x && o->reason == SSE_END_FINISHED) ||
        (o->x && o->x->state == SSE_EXCHANGE_FINISHED))
        answered_before(L);
    return o->x;
}

static int m_reply(lua_State *L)
{
    exchange_object *o = check(L);
    int status = check_status(L, 2);
    sse_http1_field fields[SSE_HTTP1_MAX_FIELDS];
    size_t count = sse_check_fields(L, 3, fields), bad = 0, len = 0;
    const char *body = luaL_optlstring(L, 4, "", &len);
    sse_exchange *x = check_open(L, o);
    int code = SSE_OK;

    if (!x)
        return sse_fail(L, SSE_ECLOSED, NULL);
    code = sse_exchange_reply(x, status, fields, count, (sse_slice){ body, len }, &bad);
    let_go_if_finished(L, o);
    return push_head_sent(L, code, fields, count, bad);
}

/* exchange:start(status, fields [, length]): begins a streamed response. With a length (bytes), the
 * body must come to exactly that. */
static int m_start(lua_State *L)
{
    exchange_object *o = check(L);
    int status = check_status(L, 2), code = SSE_OK;
    sse_http1_field fields[SSE_HTTP1_MAX_FIELDS];
    size_t count = sse_check_fields(L, 3, fields), bad = 0;
    lua_Integer length = luaL_optinteger(L, 4, -1);
    sse_exchange *x = check_open(L, o);

    if (!x)
        return sse_fail(L, SSE_ECLOSED, NULL);
    if (length < 0)
        code = sse_exchange_start(x, status, fields, count, &bad);
    else
        code = sse_exchange_start_sized(x, status, fields, count, (uint64_t)length, &bad);
    let_go_if_finished(L, o); /* a 503 was sent instead */
    return push_head_sent(L, code, fields, count, bad);
}

static int m_write(lua_State *L)
{
    exchange_object *o = check(L);
    sse_slice bytes;
    sse_frame *frame = NULL;
    int code = SSE_OK;

    bytes.at = luaL_checklstring(L, 2, &bytes.len);
    if (!o->x)
        return sse_fail(L, SSE_ECLOSED, NULL);
    if (bytes.len == 0 && !sse_exchange_lost(o->x))
        return sse_push_sent(L, o->x->state == SSE_EXCHANGE_OPEN ? SSE_ESTATE : SSE_OK);
    frame = sse_frame_new(bytes);
    if (!frame)
        return sse_fail(L, SSE_ENOMEM, NULL);
    code = sse_exchange_send(o->x, frame, o->x->context->limits.max_pending);
    sse_frame_unref(frame);
    return sse_push_sent(L, code);
}

static int m_finish(lua_State *L)
{
    exchange_object *o = check(L);

    if (o->x && o->x->state == SSE_EXCHANGE_OPEN)
        return luaL_error(L, "nothing to finish: no answer was started");
    if (o->x)
        sse_exchange_finish(o->x, SSE_END_FINISHED);
    let_go_if_finished(L, o);
    return 0;
}

static int m_abort(lua_State *L)
{
    exchange_object *o = check(L);

    if (o->x)
        sse_exchange_abort(o->x, SSE_END_ERROR);
    return 0;
}

/* --- event streams ---------------------------------------------------------------------------- */

/* exchange:event_stream(options) -> stream, and true behind it where the client has left already
 * (the stream is closed then); or as push_head_sent. */
static int m_event_stream(lua_State *L)
{
    exchange_object *o = check(L);
    sse_http1_field fields[SSE_HTTP1_MAX_FIELDS];
    sse_stream_options options;
    sse_exchange *x = NULL;
    sse_stream *stream = NULL;
    size_t bad = 0;
    int code = SSE_OK;

    check_open(L, o);
    lua_settop(L, 2);
    sse_check_stream_options(L, &options, fields);
    sse_push_stream(L);
    x = check_open(L, o); /* again: a finalizer may have run the loop, which ended the exchange */
    code = x ? sse_stream_open(x, &options, &stream, &bad) : SSE_ECLOSED;
    if (code == SSE_ECLOSED) { /* the stream's object stays as it was made: closed */
        lua_pushboolean(L, true);
        return 2;
    }
    if (code == SSE_EBUSY)
        return sse_fail(L, code, "the streams of this server have 255 types of heartbeats already");
    if (code)
        return push_head_sent(L, code, fields, options.count, bad);
    sse_push_value(L, o->server, SSE_SERVER_OWNER);
    lua_setiuservalue(L, -2, STREAM_OWNER);
    sse_attach_stream(L, -1, stream);
    o->x = NULL;
    o->streaming = true;
    sse_unanchor(L, &o->self);
    return 1;
}

/* --- state ------------------------------------------------------------------------------------ */

/* What can still become of the response. One whose client is lost is closed, though on_close comes
 * at the end of the turn. */
static int p_state(lua_State *L)
{
    static const char *const names[] = { "open", "started", "finished", "closed" };
    exchange_object *o = check(L);
    unsigned state = o->x ? o->x->state : o->state;

    if (o->streaming)
        state = SSE_EXCHANGE_FINISHED;
    else if (o->x && !sse_exchange_ended(o->x) && sse_exchange_lost(o->x))
        state = SSE_EXCHANGE_CLOSED;
    lua_pushstring(L, names[state]);
    return 1;
}

static int p_pending(lua_State *L)
{
    exchange_object *o = check(L);

    lua_pushinteger(L, o->x ? (lua_Integer)sse_exchange_pending(o->x) : 0);
    return 1;
}

/* The exchange may go on: where the Lua state closes, or on_request raised. */
static int mm_gc(lua_State *L)
{
    exchange_object *o = lua_touserdata(L, 1);

    sse_request_unref(o->request);
    o->request = NULL;
    sse_certificate_unref(o->certificate);
    o->certificate = NULL;
    if (o->x && o->st->loop) {
        o->x->user = NULL;
        o->x->on = &sse_exchange_no_events;
    }
    o->x = NULL;
    return 0;
}

void sse_push_exchange(lua_State *L, sse_exchange *x, int server)
{
    exchange_object *o = sse_class_new(L, &exchange_class, sizeof *o, VALUES);

    o->self = LUA_NOREF;
    o->st = sse_state_get(L);
    o->x = x;
    o->server = server;
    o->request = sse_request_ref(x->request);
    x->user = o;
    x->on = &events;
}

void sse_keep_exchange(lua_State *L, int index)
{
    exchange_object *o = lua_touserdata(L, index);

    if (o->x)
        sse_anchor(L, index, &o->self);
}

static const luaL_Reg methods[] = {
    { "request", m_request }, { "header", m_header }, { "headers", m_headers },
    { "reply", m_reply },     { "start", m_start },   { "write", m_write },
    { "finish", m_finish },   { "abort", m_abort },   { "event_stream", m_event_stream },
    { NULL, NULL },
};
static const luaL_Reg properties[] = {
    { "method", p_method },
    { "target", p_target },
    { "protocol", p_protocol },
    { "body", p_body },
    { "secure", p_secure },
    { "host", p_host },
    { "state", p_state },
    { "remote_address", p_remote_address },
    { "pending", p_pending },
    { "client_certificate", p_client_certificate },
    { NULL, NULL },
};
static const luaL_Reg setters[] = { { "on_close", s_on_close },
                                    { "on_drain", s_on_drain },
                                    { NULL, NULL } };
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { NULL, NULL } };
static const sse_class exchange_class = { "sse.exchange", methods, properties, metamethods,
                                          setters };

void sse_open_exchange(lua_State *L)
{
    sse_class_register(L, &exchange_class);
}
