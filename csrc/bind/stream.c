/* stream.c: the class sse.stream: one open text/event-stream response. The response stays open when
 * the Lua object is collected while the stream follows a channel; else it is ended. */
#include "stream.h"

#include "callbacks.h"
#include "encoder.h"
#include "hint.h"
#include "response.h"
#include "search.h"

#define SHRINK_FROM 1024 /* objects: below, the room that they left in the weak tables stays */

static const sse_class stream_class;

/* The address of each is the registry key of a table: address of a stream_object -> the object,
 * weak. One table of all would grow in steps that take a millisecond with thousands of streams, and
 * leave holes of hundreds of KiB. */
static const char weak_keys[32];

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

/* --- whether the object can be collected ------------------------------------------------------ */

/* The object of an open stream that has callbacks or a value is anchored while the stream follows a
 * channel, or a task waits for it, or it is held. Any other object of an open stream is in a weak
 * table, by which callbacks and lists of streams find it. The program must refer to it then to send
 * anything; and its collection ends a stream that follows nothing. */
static bool is_needed(const stream_object *o)
{
    if (o->held > 0 || o->lost.link)
        return true;
    return o->stream && o->has && (o->stream->followers || (o->has >> STREAM_ON_WAKE & 1));
}

static const char *weak_key_of(const stream_object *o)
{
    uintptr_t address = (uintptr_t)o;

    return &weak_keys[(address >> 6 ^ address >> 13) % sizeof weak_keys];
}

/* Puts the object at index, or with index 0 nothing, into its weak table. */
static void set_weak(lua_State *L, const stream_object *o, int index)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, weak_key_of(o));
    if (index)
        lua_pushvalue(L, index);
    else
        lua_pushnil(L);
    lua_rawsetp(L, -2, o);
    lua_pop(L, 1);
}

void sse_settle_stream_object(lua_State *L, int index, stream_object *o)
{
    if (is_needed(o)) {
        sse_anchor(L, index, &o->self);
        return;
    }
    set_weak(L, o, o->stream ? index : 0);
    sse_unanchor(L, &o->self);
}

/* The collector takes an object out of its weak table before its finalizer runs. */
bool sse_push_stream_object(lua_State *L, const stream_object *o)
{
    if (o->self != LUA_NOREF) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, o->self);
        return true;
    }
    lua_rawgetp(L, LUA_REGISTRYINDEX, weak_key_of(o));
    lua_rawgetp(L, -1, o);
    lua_remove(L, -2);
    return !lua_isnil(L, -1);
}

/* Notes whether user value n of the object at 1 is set, from the value on top of the stack. */
static void note_value(lua_State *L, stream_object *o, int n)
{
    unsigned bit = 1u << n;

    o->has = (lua_isnil(L, -1) ? o->has & ~bit : o->has | bit) & 63;
}

static int settle_object(lua_State *L)
{
    stream_object *o = lua_touserdata(L, 1);

    if (sse_push_stream_object(L, o))
        sse_settle_stream_object(L, lua_gettop(L), o);
    return 0;
}

/* --- callbacks -------------------------------------------------------------------------------- */

/* Calls user value n, if it is set, with argument (NULL: none). */
static void call_value(lua_State *L, const stream_object *o, int n, const char *argument)
{
    if (!sse_push_stream_object(L, o))
        return;
    lua_getiuservalue(L, -1, n);
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

    call_value(L, o, STREAM_ON_CLOSE, sse_reason_name((sse_reason)o->reason));
    return 0;
}

static int call_on_drain(lua_State *L)
{
    call_value(L, lua_touserdata(L, 1), STREAM_ON_DRAIN, NULL);
    return 0;
}

static int call_on_wake(lua_State *L)
{
    call_value(L, lua_touserdata(L, 1), STREAM_ON_WAKE, NULL);
    return 0;
}

static int pass_error(lua_State *L, const char *what)
{
    const stream_object *o = lua_touserdata(L, 1);

    sse_push_stream_object(L, o);
    lua_getiuservalue(L, 3, STREAM_OWNER);
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

static int anchor_object(lua_State *L)
{
    stream_object *o = lua_touserdata(L, 1);

    if (sse_push_stream_object(L, o))
        sse_anchor(L, lua_gettop(L), &o->self);
    return 0;
}

/* Each callback has a protected call of its own, so that an error in one does not skip the others.
 * The object is anchored meanwhile. */
static void tell_end(stream_object *o)
{
    sse_protect_with(o->st, call_on_close, o, on_close_raised);
    sse_protect(o->st, call_on_wake, o);
    sse_protect(o->st, settle_object, o);
}

static void on_end(void *user, sse_reason reason)
{
    stream_object *o = user;

    o->stream = NULL;
    o->reason = (unsigned)reason & 15;
    if (!o->has)
        return;
    sse_protect(o->st, anchor_object, o);
    if (o->self != LUA_NOREF)
        tell_end(o);
    else
        o->close_owed = 1;
}

static void tell_drain(stream_object *o)
{
    sse_protect_with(o->st, call_on_drain, o, on_drain_raised);
    sse_protect(o->st, call_on_wake, o);
    sse_protect(o->st, settle_object, o);
}

static void on_drain(void *user)
{
    stream_object *o = user;

    if (!(o->has >> STREAM_ON_DRAIN & 1) && !(o->has >> STREAM_ON_WAKE & 1))
        return;
    sse_protect(o->st, anchor_object, o);
    if (o->self != LUA_NOREF)
        tell_drain(o);
    else
        o->drain_owed = 1;
}

static const sse_exchange_events events = { .on_end = on_end, .on_drain = on_drain };

/* --- streams that nobody can send on any more ------------------------------------------------- */

/* These take the place of `events` from the finalizer to see_to_lost. Where the Lua state closes
 * that does not run, and nothing of the program's is called. */
static void on_lost_end(void *user, sse_reason reason)
{
    stream_object *o = user;

    o->stream = NULL;
    o->reason = (unsigned)reason & 15;
    o->close_owed = 1;
}

static void on_lost_drain(void *user)
{
    ((stream_object *)user)->drain_owed = 1;
}

static const sse_exchange_events lost_events = { .on_end = on_lost_end, .on_drain = on_lost_drain };

/* Whether on_drain or a task's wait is to come, and may send. */
static bool may_drain(const stream_object *o)
{
    bool waits = (o->has >> STREAM_ON_DRAIN & 1) || (o->has >> STREAM_ON_WAKE & 1);

    return waits && (o->drain_owed || sse_stream_pending(o->stream) > 0);
}

/* At the end of the turn in which the collector found the object, which is anchored: ends the
 * stream unless a callback may still send, and calls what was owed. */
static void see_to_lost(void *arg)
{
    stream_object *o = arg;
    bool drain = o->drain_owed;

    if (o->stream) {
        sse_stream_set_events(o->stream, o, &events);
        if (!o->stream->followers && !sse_stream_closed(o->stream) && !may_drain(o))
            sse_stream_end_lost(o->stream);
    }
    o->drain_owed = 0;
    if (o->close_owed)
        tell_end(o);
    else if (drain)
        tell_drain(o);
    else if (!o->stream || !o->has)
        sse_protect(o->st, settle_object, o);
    o->close_owed = 0;
}

stream_object *sse_push_stream(lua_State *L)
{
    stream_object *o = sse_class_new(L, &stream_class, sizeof *o, STREAM_VALUES);

    o->self = LUA_NOREF;
    o->st = sse_state_get(L);
    sse_deferred_init(&o->lost, see_to_lost, o);
    if (++o->st->streams > o->st->most_streams)
        o->st->most_streams = o->st->streams;
    return o;
}

void sse_attach_stream(lua_State *L, int index, sse_stream *stream)
{
    stream_object *o = lua_touserdata(L, index);

    o->stream = stream;
    sse_stream_set_events(stream, o, &events);
    sse_settle_stream_object(L, lua_absindex(L, index), o);
}

stream_object *sse_check_stream_object(lua_State *L, int index)
{
    return sse_class_check(L, index, &stream_class);
}

sse_stream *sse_check_stream(lua_State *L, int index)
{
    return sse_check_stream_object(L, index)->stream;
}

stream_object *sse_object_of_stream(const sse_stream *stream)
{
    return stream->on == &events ? stream->user : NULL;
}

/* --- methods ---------------------------------------------------------------------------------- */

static int push_sent(lua_State *L, int code, const char *field)
{
    if (code == SSE_EINVAL)
        return sse_fail_message(L, code, field);
    return sse_push_sent(L, code);
}

/* A loop that sends may end by a refusal, and with it all that refers to the stream. */
static void note_refused(lua_State *L, const stream_object *o)
{
    if (o->stream && !o->stream->followers)
        sse_search_soon(L, o->st);
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
    sse_complete_message(L, o->st, &message);
    if (o->stream && message.comment.at)
        code = sse_stream_comment(o->stream, message.comment);
    else if (o->stream)
        code = sse_stream_send(o->stream, &message.event, &field);
    sse_state_release(o->st, &o->st->json);
    if (code == SSE_EFULL)
        note_refused(L, o);
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

/* expire_at(stream, seconds): 0: never */
static int f_expire_at(lua_State *L)
{
    const stream_object *o = check(L);

    if (o->stream)
        sse_stream_expire_at(o->stream, (uint32_t)luaL_checkinteger(L, 2));
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

static void set_callback(lua_State *L, stream_object *o, const char *name, int n)
{
    sse_set_callback(L, name, n, false, &o->self);
    lua_getiuservalue(L, 1, n);
    note_value(L, o, n);
    sse_settle_stream_object(L, 1, o);
}

static int s_on_close(lua_State *L)
{
    stream_object *o = check(L);

    set_callback(L, o, "on_close", STREAM_ON_CLOSE);
    return 0;
}

static int s_on_drain(lua_State *L)
{
    stream_object *o = check(L);

    set_callback(L, o, "on_drain", STREAM_ON_DRAIN);
    return 0;
}

/* on_wake(stream, fn): see STREAM_ON_WAKE. */
static int f_on_wake(lua_State *L)
{
    stream_object *o = check(L);

    set_callback(L, o, "on_wake", STREAM_ON_WAKE);
    return 0;
}

/* The program's value: the object keeps it as long as the stream is open, whoever refers to it. */
static int s_user(lua_State *L)
{
    stream_object *o = check(L);

    lua_settop(L, 2);
    note_value(L, o, STREAM_USER);
    lua_setiuservalue(L, 1, STREAM_USER);
    sse_settle_stream_object(L, 1, o);
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
    return push_value(L, STREAM_ON_CLOSE);
}

static int p_on_drain(lua_State *L)
{
    return push_value(L, STREAM_ON_DRAIN);
}

static int p_user(lua_State *L)
{
    return push_value(L, STREAM_USER);
}

/* stream_owner(stream) -> the option `owner` of its server */
static int f_stream_owner(lua_State *L)
{
    return push_value(L, STREAM_OWNER);
}

/* left(stream): the stream's handler has returned, and the program may have lost the stream. */
static int f_left(lua_State *L)
{
    const stream_object *o = check(L);

    if (o->stream && !o->stream->followers && !sse_stream_closed(o->stream))
        sse_search_soon(L, o->st);
    return 0;
}

/* Pushes a copy of the table on top of the stack, in its place. */
static void copy_weak_table(lua_State *L)
{
    int old = lua_gettop(L);

    lua_newtable(L);
    lua_getmetatable(L, old);
    lua_setmetatable(L, old + 1);
    lua_pushnil(L);
    while (lua_next(L, old)) {
        lua_pushvalue(L, -2);
        lua_insert(L, -2);
        lua_rawset(L, old + 1);
    }
    lua_remove(L, old);
}

/* Makes the weak tables anew where few of the objects are left that there were, because a table
 * keeps the room of the most. The collector does not run meanwhile: it runs a finalizer. */
static void shrink_weak_tables(lua_State *L, sse_state *st)
{
    if (st->most_streams < SHRINK_FROM || st->streams > st->most_streams / 4)
        return;
    st->most_streams = st->streams;
    for (size_t i = 0; i < sizeof weak_keys; i++) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &weak_keys[i]);
        copy_weak_table(L);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &weak_keys[i]);
    }
}

/* A stream that follows a channel goes on without its object. For another one that is open, and for
 * callbacks that are owed, the object is anchored once more, and gets its finalizer back. */
static int mm_gc(lua_State *L)
{
    stream_object *o = lua_touserdata(L, 1);
    bool lost = o->stream && !o->stream->followers;

    if (o->stream && o->st->loop) /* sse_anchor may raise, and then the object is freed */
        sse_stream_set_events(o->stream, NULL, &sse_exchange_no_events);
    if (!o->st->loop || o->self != LUA_NOREF || (!lost && !o->close_owed && !o->drain_owed)) {
        o->stream = NULL;
        o->st->streams--;
        if (o->st->loop)
            shrink_weak_tables(L, o->st);
        return 0;
    }
    lua_settop(L, 1);
    sse_anchor(L, 1, &o->self);
    lua_getmetatable(L, 1);
    lua_setmetatable(L, 1);
    if (o->stream)
        sse_stream_set_events(o->stream, o, &lost_events);
    sse_loop_defer(o->st->loop, &o->lost);
    return 0;
}

static const luaL_Reg functions[] = {
    { "break_off", f_break_off },       { "left", f_left },           { "on_wake", f_on_wake },
    { "stream_owner", f_stream_owner }, { "expire_at", f_expire_at }, { NULL, NULL },
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
    lua_createtable(L, 0, 1);
    lua_pushliteral(L, "v");
    lua_setfield(L, -2, "__mode");
    for (size_t i = 0; i < sizeof weak_keys; i++) {
        lua_newtable(L);
        lua_pushvalue(L, -2);
        lua_setmetatable(L, -2);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &weak_keys[i]);
    }
    lua_pop(L, 1);
    luaL_setfuncs(L, functions, 0);
}
