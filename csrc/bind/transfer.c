/* transfer.c: core.transfer{...} starts one HTTP request. The loop then calls on_head(status, {
 * name, value, ... }), on_data(bytes) (or feeds a parser), and at the end on_done() or
 * on_done(message, code). Where `owner` was given, it comes before the other arguments. */
#include "transfer.h"

#include <math.h>

#include "../client/transfer.h"
#include "class.h"
#include "parser.h"

enum { ON_HEAD = 1, ON_DATA, ON_DONE, OWNER, PARSER, VALUES = PARSER };

typedef struct transfer_object {
    sse_state *st;
    sse_transfer *transfer; /* NULL once it has ended */
    int self;               /* anchored until it has ended */
    bool fed;               /* user value PARSER is a parser, which gets the body */
    uint64_t bytes, active; /* the last values, once it has ended */
} transfer_object;

static const sse_class transfer_class;

/* --- what the transfers of a Lua state share -------------------------------------------------- */

static const char shared_key = 0;

typedef struct shared_object {
    sse_multi *multi;
} shared_object;

static int mm_shared_gc(lua_State *L)
{
    shared_object *s = lua_touserdata(L, 1);

    sse_multi_free(s->multi);
    s->multi = NULL;
    return 0;
}

static const luaL_Reg shared_metamethods[] = { { "__gc", mm_shared_gc }, { NULL, NULL } };
static const sse_class shared_class = { .name = "sse.multi", .metamethods = shared_metamethods };

static int collect(lua_State *L)
{
    /* The first calls finalizers; what these objects refer to goes with the second. */
    for (int i = 0; i < 2 && lua_gc(L, LUA_GCISRUNNING) == 1; i++)
        lua_gc(L, LUA_GCCOLLECT);
    return 0;
}

/* What Lua has of thousands of closed sources lies among what C has freed of them, and keeps the
 * pages. A program that has become quiet makes nothing new, so its collector does not run. */
static void on_many_ended(void *arg)
{
    sse_protect(arg, collect, NULL);
}

static void open_shared(lua_State *L)
{
    shared_object *s = NULL;

    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &shared_key) != LUA_TNIL) {
        lua_pop(L, 1);
        return;
    }
    lua_pop(L, 1);
    sse_class_register(L, &shared_class);
    s = sse_class_new(L, &shared_class, sizeof *s, 0);
    if (sse_multi_new(&s->multi, sse_state_check(L)->loop))
        luaL_error(L, "cannot set libcurl up");
    sse_multi_set_on_many_ended(s->multi, on_many_ended, sse_state_check(L));
    lua_rawsetp(L, LUA_REGISTRYINDEX, &shared_key);
}

static sse_multi *get_multi(lua_State *L)
{
    shared_object *s = NULL;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &shared_key);
    s = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!s->multi)
        luaL_error(L, "the Lua state is closing");
    return s->multi;
}

/* --- callbacks -------------------------------------------------------------------------------- */

static void end(lua_State *L, transfer_object *o)
{
    sse_transfer *t = o->transfer;

    if (!t)
        return;
    o->bytes = sse_transfer_bytes(t);
    o->active = sse_transfer_active(t);
    o->transfer = NULL;
    sse_transfer_free(t);
    sse_unanchor(L, &o->self);
}

/* Pushes the object, the function in user value `value`, and the owner if there is one. Returns how
 * many values the function and the owner are. The object is pushed to keep it from being collected:
 * a finalizer may cancel the transfer before the function is called. */
static int push_callback(lua_State *L, const transfer_object *o, int value)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, o->self);
    sse_push_value(L, o->self, value);
    sse_push_value(L, o->self, OWNER);
    if (!lua_isnil(L, -1))
        return 2;
    lua_pop(L, 1);
    return 1;
}

typedef struct head_call {
    transfer_object *o;
    int status;
    const sse_http1_field *fields;
    size_t count;
} head_call;

static int call_head(lua_State *L)
{
    const head_call *call = lua_touserdata(L, 1);
    int pushed = push_callback(L, call->o, ON_HEAD);

    lua_pushinteger(L, call->status);
    lua_createtable(L, (int)call->count * 2, 0);
    for (size_t i = 0; i < call->count; i++) {
        const sse_http1_field *f = &call->fields[i];

        lua_pushlstring(L, f->name.at, f->name.len);
        lua_rawseti(L, -2, (lua_Integer)i * 2 + 1);
        lua_pushlstring(L, f->value.at, f->value.len);
        lua_rawseti(L, -2, (lua_Integer)i * 2 + 2);
    }
    if (call->o->transfer) /* a finalizer may have cancelled it meanwhile */
        lua_call(L, pushed + 1, 0);
    return 0;
}

static void on_head(void *user, int status, const sse_http1_field *fields, size_t count)
{
    transfer_object *o = user;
    head_call call = { o, status, fields, count };

    sse_protect(o->st, call_head, &call);
}

typedef struct body_call {
    transfer_object *o;
    const char *bytes;
    size_t len;
} body_call;

static int call_body(lua_State *L)
{
    const body_call *call = lua_touserdata(L, 1);
    int pushed = push_callback(L, call->o, ON_DATA);

    if (lua_isnil(L, -pushed))
        return 0;
    lua_pushlstring(L, call->bytes, call->len);
    if (call->o->transfer)
        lua_call(L, pushed, 0);
    return 0;
}

/* Feeds the body straight into the parser. Nothing here raises, so the only protected call is the
 * one that the parser's feed makes: most pieces hold a single event, and each such call costs. */
static int feed_parser(sse_state *st, int self, const char *bytes, size_t len)
{
    lua_State *L = st->L;
    int code = SSE_OK;

    if (!lua_checkstack(L, LUA_MINSTACK))
        return SSE_ENOMEM;
    sse_push_value(L, self, PARSER);
    sse_loop_enter(st->loop);
    code = sse_feed_parser(L, -1, bytes, len);
    sse_loop_leave(st->loop);
    lua_pop(L, 1);
    /* A callback that reset the parser wants no more of this piece: that is no failure. */
    return code == SSE_ESTOPPED ? SSE_OK : code;
}

static int on_body(void *user, const char *bytes, size_t len)
{
    transfer_object *o = user;
    body_call call = { o, bytes, len };

    if (len == 0)
        return SSE_OK;
    if (o->fed)
        return feed_parser(o->st, o->self, bytes, len);
    sse_protect(o->st, call_body, &call);
    return SSE_OK;
}

typedef struct done_call {
    transfer_object *o;
    int code;
    const char *message;
} done_call;

static int call_done(lua_State *L)
{
    const done_call *call = lua_touserdata(L, 1);
    int arguments = push_callback(L, call->o, ON_DONE) - 1;

    if (call->code) {
        lua_pushstring(L, call->message);
        lua_pushstring(L, sse_error_name(call->code));
        arguments += 2;
    }
    if (!call->o->transfer)
        return 0;
    end(L, call->o); /* before the call, which may start the next transfer */
    lua_call(L, arguments, 0);
    return 0;
}

static void on_done(void *user, int code, const char *message)
{
    transfer_object *o = user;
    done_call call = { o, code, message };

    sse_protect(o->st, call_done, &call);
}

static const sse_transfer_callbacks callbacks = { .on_head = on_head,
                                                  .on_body = on_body,
                                                  .on_done = on_done };

/* --- options ---------------------------------------------------------------------------------- */

/* Reads options[name], a string without NUL, or nil (NULL). Leaves it on the stack, so that it is
 * not collected before the transfer has copied it. */
static const char *string_field(lua_State *L, const char *name)
{
    luaL_checkstack(L, 4, NULL);
    if (lua_getfield(L, 1, name) != LUA_TNIL && lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, "core.transfer: '%s' must be a string", name);
    if (lua_isstring(L, -1) && lua_rawlen(L, -1) != strlen(lua_tostring(L, -1)))
        luaL_error(L, "core.transfer: '%s' holds a NUL", name);
    return lua_tostring(L, -1);
}

static bool flag_field(lua_State *L, const char *name)
{
    bool value = false;

    lua_getfield(L, 1, name);
    value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

static uint64_t ms_field(lua_State *L, const char *name)
{
    lua_Number ms = 0;

    lua_getfield(L, 1, name);
    ms = luaL_optnumber(L, -1, 0);
    lua_pop(L, 1);
    return ms > 0 && ms < 1e12 ? (uint64_t)ceil(ms) : 0;
}

static size_t count_field(lua_State *L, const char *name)
{
    lua_Integer count = 0;

    lua_getfield(L, 1, name);
    count = luaL_optinteger(L, -1, 0);
    lua_pop(L, 1);
    return count > 0 ? (size_t)count : 0;
}

static void read_headers(lua_State *L, sse_transfer_options *o)
{
    sse_http1_field *fields = NULL;
    size_t count = 0;
    int list = 0;

    if (lua_getfield(L, 1, "headers") == LUA_TNIL)
        return;
    luaL_checktype(L, -1, LUA_TTABLE);
    list = lua_gettop(L);
    count = lua_rawlen(L, list) / 2;
    fields = lua_newuserdatauv(L, (count + 1) * sizeof *fields, 0);
    for (size_t i = 0; i < count * 2; i++) {
        sse_slice *part = i % 2 ? &fields[i / 2].value : &fields[i / 2].name;

        lua_rawgeti(L, list, (lua_Integer)i + 1);
        if (lua_type(L, -1) != LUA_TSTRING)
            luaL_error(L, "core.transfer: headers must be strings");
        part->at = lua_tolstring(L, -1, &part->len); /* the list keeps the string alive */
        lua_pop(L, 1);
    }
    o->headers = fields;
    o->header_count = count;
}

static void read_body(lua_State *L, sse_transfer_options *o)
{
    if (lua_getfield(L, 1, "body") == LUA_TNIL)
        return;
    luaL_checktype(L, -1, LUA_TSTRING);
    o->body.at = lua_tolstring(L, -1, &o->body.len);
}

static int read_version(lua_State *L)
{
    const char *version = string_field(L, "version");

    if (!version)
        return SSE_VERSION_ANY;
    return strcmp(version, "2") ? SSE_VERSION_1_1 : SSE_VERSION_2;
}

static void read_options(lua_State *L, sse_transfer_options *o)
{
    o->url = string_field(L, "url");
    if (!o->url)
        luaL_error(L, "core.transfer: no url");
    o->method = string_field(L, "method");
    read_headers(L, o);
    read_body(L, o);
    o->connect_timeout = ms_field(L, "connect_timeout");
    o->max_head_size = count_field(L, "max_head_size");
    o->max_fields = count_field(L, "max_fields");
    o->cookies = flag_field(L, "cookies");
    o->cookie_file = string_field(L, "cookie_file");
    o->user = string_field(L, "user");
    o->password = string_field(L, "password");
    o->proxy = string_field(L, "proxy");
    o->no_proxy = string_field(L, "no_proxy");
    o->ca = string_field(L, "ca");
    o->cert = string_field(L, "cert");
    o->key = string_field(L, "key");
    o->insecure = flag_field(L, "insecure");
    o->insecure_proxy = flag_field(L, "insecure_proxy");
    o->version = read_version(L);
    o->unix_socket = string_field(L, "unix_socket");
    o->raw = flag_field(L, "raw");
}

static void keep_function(lua_State *L, int object, const char *name, int value)
{
    if (lua_getfield(L, 1, name) != LUA_TNIL)
        luaL_checktype(L, -1, LUA_TFUNCTION);
    lua_setiuservalue(L, object, value);
}

/* --- functions and methods -------------------------------------------------------------------- */

static int f_nothing(lua_State *L)
{
    (void)L;
    return 0;
}

static void keep_callbacks(lua_State *L, transfer_object *o, int object)
{
    static const struct {
        const char *name;
        int value;
    } required[] = { { "on_head", ON_HEAD }, { "on_done", ON_DONE } };

    keep_function(L, object, "on_data", ON_DATA);
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        keep_function(L, object, required[i].name, required[i].value);
        if (lua_getiuservalue(L, object, required[i].value) == LUA_TNIL) {
            lua_pushcfunction(L, f_nothing);
            lua_setiuservalue(L, object, required[i].value);
        }
        lua_pop(L, 1);
    }
    lua_getfield(L, 1, "owner");
    lua_setiuservalue(L, object, OWNER);
    o->fed = lua_getfield(L, 1, "parser") != LUA_TNIL;
    if (o->fed)
        sse_check_parser(L, -1);
    lua_setiuservalue(L, object, PARSER);
}

static int f_transfer(lua_State *L)
{
    sse_transfer_options options = { 0 };
    transfer_object *o = NULL;
    sse_multi *multi = get_multi(L);
    const char *why = NULL;
    int code = SSE_OK, object = 0;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    o = sse_class_new(L, &transfer_class, sizeof *o, VALUES);
    object = lua_gettop(L);
    o->self = LUA_NOREF;
    o->st = sse_state_get(L);
    keep_callbacks(L, o, object);
    read_options(L, &options);
    code = sse_transfer_start(&o->transfer, multi, &options, &callbacks, o, &why);
    if (code)
        return sse_fail(L, code, why);
    sse_anchor(L, object, &o->self);
    lua_pushvalue(L, object);
    return 1;
}

/* core.forget_connections(): closes idle connections at once. Does nothing while a transfer is
 * under way. */
static int f_forget_connections(lua_State *L)
{
    sse_multi_close_idle(get_multi(L));
    return 0;
}

/* core.may_start(): whether this turn of the loop has time for the start of a transfer. */
static int f_may_start(lua_State *L)
{
    lua_pushboolean(L, sse_multi_may_start(get_multi(L)));
    return 1;
}

/* core.forks(): how often the process has become a forked child of what it was. */
static int f_forks(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)sse_multi_forks(get_multi(L)));
    return 1;
}

static int m_cancel(lua_State *L)
{
    end(L, sse_class_check(L, 1, &transfer_class));
    return 0;
}

static int m_pause(lua_State *L)
{
    transfer_object *o = sse_class_check(L, 1, &transfer_class);

    if (o->transfer)
        sse_transfer_pause(o->transfer);
    return 0;
}

static int m_resume(lua_State *L)
{
    transfer_object *o = sse_class_check(L, 1, &transfer_class);

    if (o->transfer)
        sse_transfer_resume(o->transfer);
    return 0;
}

/* transfer:feed(parser): from now on the body goes straight into the parser; with nil, to on_data.
 */
static int m_feed(lua_State *L)
{
    transfer_object *o = sse_class_check(L, 1, &transfer_class);

    lua_settop(L, 2);
    if (!lua_isnil(L, 2))
        sse_check_parser(L, 2);
    o->fed = !lua_isnil(L, 2);
    lua_setiuservalue(L, 1, PARSER);
    return 0;
}

static int p_bytes(lua_State *L)
{
    transfer_object *o = sse_class_check(L, 1, &transfer_class);

    lua_pushinteger(L, (lua_Integer)(o->transfer ? sse_transfer_bytes(o->transfer) : o->bytes));
    return 1;
}

static int p_active(lua_State *L)
{
    transfer_object *o = sse_class_check(L, 1, &transfer_class);

    lua_pushinteger(L, (lua_Integer)(o->transfer ? sse_transfer_active(o->transfer) : o->active));
    return 1;
}

/* Returns a copy, because pushing its values may run a finalizer that ends the transfer. */
static sse_connection_info connection_info(lua_State *L)
{
    static const sse_connection_info nothing = { 0 };
    transfer_object *o = sse_class_check(L, 1, &transfer_class);

    return o->transfer ? *sse_transfer_connection_info(o->transfer) : nothing;
}

static int p_protocol(lua_State *L)
{
    lua_pushstring(L, connection_info(L).protocol);
    return 1;
}

/* transfer.tls: { version, cipher }, as far as the TLS library tells them, or nil without TLS. */
static int p_tls(lua_State *L)
{
    sse_connection_info n = connection_info(L);

    if (!n.tls)
        return 0;
    lua_createtable(L, 0, 2);
    lua_pushstring(L, n.tls_version);
    lua_setfield(L, -2, "version");
    lua_pushstring(L, n.tls_cipher);
    lua_setfield(L, -2, "cipher");
    return 1;
}

static int p_done(lua_State *L)
{
    transfer_object *o = sse_class_check(L, 1, &transfer_class);

    lua_pushboolean(L, o->transfer == NULL);
    return 1;
}

static int mm_gc(lua_State *L)
{
    transfer_object *o = lua_touserdata(L, 1);

    if (o->st && o->st->loop)
        end(L, o);
    return 0;
}

/* --- tables ----------------------------------------------------------------------------------- */

static const luaL_Reg methods[] = {
    { "cancel", m_cancel }, { "pause", m_pause }, { "resume", m_resume },
    { "feed", m_feed },     { NULL, NULL },
};
static const luaL_Reg properties[] = {
    { "bytes", p_bytes },       { "active", p_active }, { "done", p_done },
    { "protocol", p_protocol }, { "tls", p_tls },       { NULL, NULL },
};
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { "__close", mm_gc }, { NULL, NULL } };
static const sse_class transfer_class = { "sse.transfer", methods, properties, metamethods, NULL };

static const luaL_Reg functions[] = {
    { "transfer", f_transfer },
    { "forget_connections", f_forget_connections },
    { "forks", f_forks },
    { "may_start", f_may_start },
    { NULL, NULL },
};

void sse_open_transfer(lua_State *L)
{
    open_shared(L);
    sse_class_register(L, &transfer_class);
    luaL_setfuncs(L, functions, 0);
}
