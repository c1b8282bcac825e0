#include "streams.h"

#include "channel.h"
#include "exchange.h"
#include "server.h"
#include "stream.h"

/* --- lists ------------------------------------------------------------------------------------ */

/* Places on the Lua stack; the server or the channel is the first. */
#define USER  2 /* the value that the streams' `user` must have, if there is one */
#define LIST  3 /* the list that is made */
#define SPARE 4 /* new objects for streams that have none */

/* A walk over the open streams of a server or a channel. The first walk counts; then objects are
 * made, for which finalizers may do anything; the second walk makes nothing, so that no stream ends
 * and no object is collected meanwhile. */
typedef struct stream_walk {
    lua_State *L;      /* NULL while it counts */
    lua_Integer count; /* of streams; in the second walk, in the list */
    lua_Integer spare; /* spare objects: how many may be needed; how many are left */
    bool filtered;     /* there is a USER: streams without an object have none */
} stream_walk;

/* Whether the stream has no object that the program could have, or one that the collector has found
 * while the stream was to go on without it. A stream that the program has lost is neither. */
static bool lacks_object(const sse_stream *s)
{
    const stream_object *o = sse_object_of_stream(s);

    return o ? s->followers && !o->has : s->on == &sse_exchange_no_events;
}

/* Pushes the object of the stream, or nothing where there is none. */
static bool push_known(lua_State *L, const sse_stream *s)
{
    const stream_object *o = sse_object_of_stream(s);

    if (o && sse_push_stream_object(L, o))
        return true;
    if (o)
        lua_pop(L, 1);
    return false;
}

/* Pushes a spare object, which stands for the stream from now on. */
static bool push_new(stream_walk *w, sse_stream *s)
{
    stream_object *o = sse_object_of_stream(s);

    if (w->spare == 0 || !lacks_object(s))
        return false;
    lua_rawgeti(w->L, SPARE, w->spare--);
    sse_push_value(w->L, sse_server_reference(s->exchange->context), SSE_SERVER_OWNER);
    lua_setiuservalue(w->L, -2, STREAM_OWNER);
    if (o) /* its finalizer is still to run */
        o->stream = NULL;
    sse_attach_stream(w->L, -1, s);
    return true;
}

static bool is_wanted(const stream_walk *w)
{
    bool same = true;

    if (w->filtered) {
        lua_getiuservalue(w->L, -1, STREAM_USER);
        same = lua_rawequal(w->L, -1, USER);
        lua_pop(w->L, 1);
    }
    return same;
}

static void visit_stream(stream_walk *w, sse_stream *s)
{
    if (sse_stream_closed(s))
        return;
    if (!w->L) {
        const stream_object *o = sse_object_of_stream(s);

        w->count++;
        w->spare += !o || !o->has; /* the collector may find such an object meanwhile */
        return;
    }
    if (!push_known(w->L, s) && (w->filtered || !push_new(w, s)))
        return;
    if (is_wanted(w))
        lua_rawseti(w->L, LIST, ++w->count);
    else
        lua_pop(w->L, 1);
}

static void visit_exchange(void *arg, sse_exchange *x)
{
    sse_stream *s = sse_stream_of(x);

    if (s)
        visit_stream(arg, s);
}

static void walk_server(lua_State *L, stream_walk *w)
{
    sse_server_each_exchange(sse_check_server(L), visit_exchange, w);
}

static void walk_channel(lua_State *L, stream_walk *w)
{
    for (sse_follower *f = sse_check_channel(L, 1)->followers; f; f = f->next)
        visit_stream(w, f->stream);
}

/* Returns a list of the streams that `walk` visits, in no order: all, or those whose `user` is the
 * argument USER. */
static int list_streams(lua_State *L, void (*walk)(lua_State *L, stream_walk *w))
{
    stream_walk w = { .filtered = lua_gettop(L) >= USER };

    lua_settop(L, USER);
    walk(L, &w);
    if (w.filtered)
        w.count = w.spare = 0;
    lua_createtable(L, (int)w.count, 0);
    lua_createtable(L, (int)w.spare, 0);
    for (lua_Integer i = 1; i <= w.spare; i++) {
        sse_push_stream(L);
        lua_rawseti(L, SPARE, i);
    }
    w.L = L;
    w.count = 0;
    walk(L, &w);
    lua_settop(L, LIST);
    return 1;
}

/* server_streams(server [, user]) */
static int f_server_streams(lua_State *L)
{
    return list_streams(L, walk_server);
}

/* channel_streams(channel [, user]) */
static int f_channel_streams(lua_State *L)
{
    return list_streams(L, walk_channel);
}

/* --- the notice of an end --------------------------------------------------------------------- */

static const char on_tallied_key = 0; /* its address is the registry key of set_on_tallied_end's
                                         function */

/* Calls that function with what `tally` has returned. */
static int call_on_tallied_end(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &on_tallied_key) == LUA_TFUNCTION) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 0);
    }
    return 0;
}

static void on_tallied_end(sse_context *context, sse_stream *s)
{
    sse_protect(sse_server_state(context), call_on_tallied_end, s);
}

/* tally(stream) -> a light userdata, with which the function of set_on_tallied_end is called at the
 * stream's end; nil: it has ended. */
static int f_tally(lua_State *L)
{
    sse_stream *s = sse_check_stream(L, 1);

    if (!s || sse_stream_closed(s))
        return 0;
    s->exchange->context->on_tallied_end = on_tallied_end;
    sse_stream_tally(s);
    lua_pushlightuserdata(L, s);
    return 1;
}

/* set_on_tallied_end(fn) */
static int f_set_on_tallied_end(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &on_tallied_key);
    return 0;
}

static const luaL_Reg functions[] = {
    { "server_streams", f_server_streams },
    { "channel_streams", f_channel_streams },
    { "tally", f_tally },
    { "set_on_tallied_end", f_set_on_tallied_end },
    { NULL, NULL },
};

void sse_open_streams(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
