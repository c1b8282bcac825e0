/* stream.c: the class sse.stream: one open text/event-stream response. The response stays open also
 * when the Lua object has been collected. */
#include "stream.h"

#include "callbacks.h"
#include "encoder.h"
#include "hint.h"
#include "response.h"

typedef struct stream_object {
    sse_state *st;
    sse_stream *stream; /* NULL once ended */
    int self; /* anchored while the stream is open and has a callback, or follows a channel
                 with listeners; and while it is held */
    unsigned reason : 4; /* sse_reason */
    unsigned held : 28;  /* reports of presence that are to come: see sse_hold_stream */
} stream_object;

/* ON_WAKE is for the Lua layer, which resumes tasks that wait for the stream: it is called after
 * ON_DRAIN, and after ON_CLOSE. USER is the program's own. */
enum { ON_CLOSE = SSE_STREAM_OWNER + 1, ON_DRAIN, ON_WAKE, USER, VALUES = USER };

static const sse_class stream_class;

static stream_object *check(lua_State *L)
{
    return sse_class_check(L, 1, &stream_class);
}

/* Breaks the stream off. One that has ended, or lost its client, keeps the reason of that. */
static void abort_stream(const stream_object *o)
{
    if (o->stream && !sse_stream_closed(o->stream))
        sse_stream_abort(o->stream, SSE_END_ERROR);
}

/* Calls user value n, if it is set, with argument (NULL: none). */
static void call_value(lua_State *L, const stream_object *o, int n, const char *argument)
{
    sse_push_value(L, o->self, n);
    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return;
    }
    if (argument)
        lua_pushstring(L, argument);
    lua_call(L, argument ? 1 : 0, 0);
}

static int call_on_close(lua_State *L)
{
    stream_object *o = lua_touserdata(L, 1);

    call_value(L, o, ON_CLOSE, sse_reason_name((sse_reason)o->reason));
    return 0;
}

static int call_on_drain(lua_State *L)
{
    call_value(L, lua_touserdata(L, 1), ON_DRAIN, NULL);
    return 0;
}

static int call_on_wake(lua_State *L)
{
    call_value(L, lua_touserdata(L, 1), ON_WAKE, NULL);
    return 0;
}

static int pass_error(lua_State *L, const char *what)
{
    const stream_object *o = lua_touserdata(L, 1);

    lua_rawgeti(L, LUA_REGISTRYINDEX, o->self);
    lua_getiuservalue(L, 3, SSE_STREAM_OWNER);
    return sse_pass_error(L, what, 2, 4, 3, 0);
}

static int on_close_raised(lua_State *L)
{
    return pass_error(L, "on_close");
}

/* The stream breaks off first, so that on_error finds it closed. */
static int on_drain_raised(lua_State *L)
{
    const stream_object *o = lua_touserdata(L, 1);

    abort_stream(o);
    return pass_error(L, "on_drain");
}

static int unanchor_stream(lua_State *L)
{
    stream_object *o = lua_touserdata(L, 1);

    sse_unanchor(L, &o->self);
    return 0;
}

/* Each callback has a protected call of its own, so that an error in one does not skip the others.
 */
static void on_end(void *user, sse_reason reason)
{
    stream_object *o = user;

    o->stream = NULL;
    o->reason = (unsigned)reason & 15;
    if (o->self == LUA_NOREF)
        return;
    sse_protect_with(o->st, call_on_close, o, on_close_raised);
    sse_protect(o->st, call_on_wake, o);
    if (o->held == 0)
        sse_protect(o->st, unanchor_stream, o);
}

static void on_drain(void *user)
{
    stream_object *o = user;

    if (o->self != LUA_NOREF)
        sse_protect_with(o->st, call_on_drain, o, on_drain_raised);
    if (o->self != LUA_NOREF)
        sse_protect(o->st, call_on_wake, o);
}

static const sse_exchange_events events = { .on_end = on_end, .on_drain = on_drain };

void *sse_push_stream(lua_State *L)
{
    stream_object *o = sse_class_new(L, &stream_class, sizeof *o, VALUES);

    o->self = LUA_NOREF;
    o->st = sse_state_get(L);
    return o;
}

void sse_attach_stream(void *object, sse_stream *stream)
{
    stream_object *o = object;

    o->stream = stream;
    sse_stream_set_events(stream, o, &events);
}

/* --- for other classes ------------------------------------------------------------------------ */

sse_stream *sse_check_stream(lua_State *L, int index)
{
    const stream_object *o = sse_class_check(L, index, &stream_class);

    return o->stream;
}

void sse_keep_stream(lua_State *L, int index)
{
    stream_object *o = sse_class_check(L, index, &stream_class);

    if (o->stream)
        sse_anchor(L, index, &o->self);
}

void *sse_hold_stream(sse_stream *stream)
{
    stream_object *o = stream->on == &events ? stream->user : NULL;

    if (!o || o->self == LUA_NOREF)
        return NULL;
    o->held++;
    return o;
}

void sse_push_held_stream(lua_State *L, void *held)
{
    const stream_object *o = held;

    if (o)
        lua_rawgeti(L, LUA_REGISTRYINDEX, o->self);
    else
        sse_push_stream(L);
}

void sse_release_stream(lua_State *L, void *held)
{
    stream_object *o = held;

    if (o && --o->held == 0 && !o->stream)
        sse_unanchor(L, &o->self);
}

/* --- methods ---------------------------------------------------------------------------------- */

static int push_sent(lua_State *L, int code, const char *field)
{
    if (code == SSE_EINVAL)
        return sse_fail_message(L, code, field);
    return sse_push_sent(L, code);
}

static int m_send(lua_State *L)
{
    stream_object *o = check(L);
    sse_message message;
    const char *field = NULL;
    int code = SSE_ECLOSED;

    sse_check_alone(L, "stream:send", 3);
    lua_settop(L, 2);
    sse_check_message(L, 2, &message);
    if (o->stream && message.comment.at)
        code = sse_stream_comment(o->stream, message.comment);
    else if (o->stream)
        code = sse_stream_send(o->stream, &message.event, &field);
    return push_sent(L, code, field);
}

static int m_comment(lua_State *L)
{
    stream_object *o = check(L);
    sse_slice text;

    text.at = luaL_optlstring(L, 2, "", &text.len);
    sse_check_count(L, 2, "stream:comment(text)");
    return push_sent(L, o->stream ? sse_stream_comment(o->stream, text) : SSE_ECLOSED, NULL);
}

/* A stream that has ended, or lost its client, keeps the reason of that. */
static void close_stream(const stream_object *o)
{
    if (o->stream && !sse_stream_closed(o->stream))
        sse_stream_close(o->stream);
}

static int m_close(lua_State *L)
{
    sse_check_count(L, 1, "stream:close()");
    close_stream(check(L));
    return 0;
}

/* break_off(stream) */
static int f_break_off(lua_State *L)
{
    abort_stream(check(L));
    return 0;
}

/* The end of the scope of a variable that is `<close>`. After an error (argument 2) the stream
 * breaks off, as one whose handler raised. */
static int mm_close(lua_State *L)
{
    stream_object *o = check(L);

    if (lua_isnoneornil(L, 2))
        close_stream(o);
    else
        abort_stream(o);
    return 0;
}

static int p_closed(lua_State *L)
{
    stream_object *o = check(L);

    lua_pushboolean(L, !o->stream || sse_stream_closed(o->stream));
    return 1;
}

static int p_pending(lua_State *L)
{
    stream_object *o = check(L);

    lua_pushinteger(L, o->stream ? (lua_Integer)sse_stream_pending(o->stream) : 0);
    return 1;
}

static int s_on_close(lua_State *L)
{
    stream_object *o = check(L);

    sse_set_callback(L, "on_close", ON_CLOSE, o->stream != NULL, &o->self);
    return 0;
}

static int s_on_drain(lua_State *L)
{
    stream_object *o = check(L);

    sse_set_callback(L, "on_drain", ON_DRAIN, o->stream != NULL, &o->self);
    return 0;
}

/* on_wake(stream, fn): see ON_WAKE. */
static int f_on_wake(lua_State *L)
{
    stream_object *o = check(L);

    sse_set_callback(L, "on_wake", ON_WAKE, o->stream != NULL, &o->self);
    return 0;
}

/* The program's value: the object keeps it as long as the stream is open, whoever refers to it. */
static int s_user(lua_State *L)
{
    stream_object *o = check(L);

    lua_settop(L, 2);
    lua_setiuservalue(L, 1, USER);
    if (o->stream)
        sse_anchor(L, 1, &o->self);
    return 0;
}

static int push_value(lua_State *L, int n)
{
    check(L);
    lua_getiuservalue(L, 1, n);
    return 1;
}

static int p_on_close(lua_State *L)
{
    return push_value(L, ON_CLOSE);
}

static int p_on_drain(lua_State *L)
{
    return push_value(L, ON_DRAIN);
}

static int p_user(lua_State *L)
{
    return push_value(L, USER);
}

/* stream_owner(stream) -> the option `owner` of its server */
static int f_stream_owner(lua_State *L)
{
    return push_value(L, SSE_STREAM_OWNER);
}

/* Collecting the Lua object does not close the stream: an event stream stays open until either side
 * closes it. */
static int mm_gc(lua_State *L)
{
    stream_object *o = lua_touserdata(L, 1);

    if (o->stream && o->st->loop)
        sse_stream_set_events(o->stream, NULL, &sse_exchange_no_events);
    o->stream = NULL;
    return 0;
}

static const luaL_Reg functions[] = {
    { "break_off", f_break_off },
    { "on_wake", f_on_wake },
    { "stream_owner", f_stream_owner },
    { NULL, NULL },
};
static const luaL_Reg methods[] = {
    { "send", m_send }, { "comment", m_comment }, { "close", m_close }, { NULL, NULL }
};
static const luaL_Reg properties[] = {
    { "closed", p_closed },     { "pending", p_pending }, { "on_close", p_on_close },
    { "on_drain", p_on_drain }, { "user", p_user },       { NULL, NULL },
};
static const luaL_Reg setters[] = {
    { "on_close", s_on_close }, { "on_drain", s_on_drain }, { "user", s_user }, { NULL, NULL }
};
static const luaL_Reg metamethods[] = {
    { "__gc", mm_gc },
    { "__close", mm_close },
    { NULL, NULL },
};
static const sse_class stream_class = { "sse.stream", methods, properties, metamethods, setters };

void sse_open_stream(lua_State *L)
{
    sse_class_register(L, &stream_class);
    luaL_setfuncs(L, functions, 0);
}
