#include "filter.h"

#include "../push/channel.h"
#include "callbacks.h"
#include "channel_object.h"
#include "read_back.h"
#include "stream.h"

/* The filter's user values: its function, and the object of the stream that it filters for. */
enum { FUNCTION = 1, STREAM, VALUES = STREAM };

/* What the filter's userdata holds. The userdata is anchored from its first follower to its last.
 */
typedef struct lua_filter {
    sse_filter base;
    sse_state *st;
    int self;
    sse_deferred release; /* unanchors the userdata in a later turn */
} lua_filter;

/* One call of a filter's function with one event. Reading the event back makes Lua objects, so a
 * finalizer may run meanwhile. It may close the channel, whose log then drops the event; so this
 * call has its own reference to the frame. It may make another stream follow the channel, whose
 * filter is then called at once; so this call takes the channel's parser for itself. */
typedef struct filter_call {
    lua_filter *filter;
    channel_object *o;
    uint64_t position;
    sse_frame *frame;
    sse_slice id; /* its bytes are in the frame */
    sse_parser *parser;
    int wanted; /* what the function returned, 0 or 1; -1: it raised */
} filter_call;

/* Pushes the event's id, type and data, read back from its frame. */
static void push_texts(lua_State *L, filter_call *call)
{
    lua_pushlstring(L, call->id.at, call->id.len);
    sse_push_event_texts(L, &call->parser, call->frame);
}

#define OBJECT_AT 2 /* stack index of the channel's object within call_ask_filter */

/* Pushes the event's table, id, type and data. They are the object's user values if these are of
 * this event; else they are read from the frame and become the user values. The user values change
 * only when all four are there, because reading may run a finalizer, which may call other filters.
 */
static void push_parts(lua_State *L, filter_call *call)
{
    int table = lua_gettop(L) + 1;

    if (call->o->position == call->position) {
        for (int n = CHANNEL_EVENT; n <= CHANNEL_DATA; n++)
            lua_getiuservalue(L, OBJECT_AT, n);
        return;
    }
    lua_createtable(L, 0, 3);
    push_texts(L, call);
    for (int n = CHANNEL_EVENT; n <= CHANNEL_DATA; n++) {
        lua_pushvalue(L, table + n - CHANNEL_EVENT);
        lua_setiuservalue(L, OBJECT_AT, n);
    }
    call->o->position = call->position;
}

/* Sets the field `meta` of the event's table at `table`, where the channel ever had one. */
static void set_meta(lua_State *L, const filter_call *call, int table)
{
    if (lua_getiuservalue(L, OBJECT_AT, CHANNEL_METAS) == LUA_TTABLE) {
        lua_pushliteral(L, "meta");
        lua_rawgeti(L, -2, (lua_Integer)call->position);
        lua_rawset(L, table);
    }
}

/* Pushes the event's table for the function, with its fields set anew: a function that was called
 * with the table before may have changed them. */
static void push_event(lua_State *L, filter_call *call)
{
    static const char *const names[] = { "id", "event", "data" };
    int table = lua_gettop(L) + 1;

    push_parts(L, call);
    for (int i = 0; i < 3; i++) {
        lua_pushstring(L, names[i]);
        lua_pushvalue(L, table + 1 + i);
        lua_rawset(L, table);
    }
    set_meta(L, call, table);
    lua_settop(L, table);
}

/* All filters that are called with one event get the same table. */
static int call_ask_filter(lua_State *L)
{
    filter_call *call = lua_touserdata(L, 1);

    lua_rawgeti(L, LUA_REGISTRYINDEX, call->o->self);
    sse_push_value(L, call->filter->self, FUNCTION);
    push_event(L, call);
    lua_call(L, 1, 1);
    call->wanted = lua_toboolean(L, -1);
    return 0;
}

static int on_filter_raised(lua_State *L)
{
    const filter_call *call = lua_touserdata(L, 1);

    lua_rawgeti(L, LUA_REGISTRYINDEX, call->o->self);
    sse_push_value(L, call->filter->self, STREAM);
    lua_getiuservalue(L, 4, STREAM_OWNER);
    return sse_pass_error(L, "where", 2, 5, 4, 3);
}

static int ask_filter(sse_filter *base, const sse_channel *c, const sse_log *log, uint64_t position)
{
    filter_call call = { .filter = (lua_filter *)base,
                         .o = c->user,
                         .position = position,
                         .frame = sse_frame_ref(sse_log_at(log, position)->frame),
                         .id = sse_log_event_id(log, position),
                         .wanted = -1 };
    bool ok = false;

    call.parser = sse_take_parser(&call.o->parser);
    ok = sse_protect_with(call.filter->st, call_ask_filter, &call, on_filter_raised);
    sse_give_parser_back(&call.o->parser, call.parser, ok);
    sse_frame_unref(call.frame);
    return call.wanted;
}

static int unanchor_filter(lua_State *L)
{
    lua_filter *filter = lua_touserdata(L, 1);

    sse_unanchor(L, &filter->self);
    return 0;
}

static void on_filter_release(void *arg)
{
    lua_filter *filter = arg;

    sse_protect(filter->st, unanchor_filter, filter);
}

static void release_filter(sse_filter *base)
{
    lua_filter *filter = (lua_filter *)base;

    if (filter->st->loop)
        sse_loop_defer(filter->st->loop, &filter->release);
}

sse_filter *sse_push_filter(lua_State *L, int index, int stream)
{
    lua_filter *filter = NULL;

    luaL_checktype(L, index, LUA_TFUNCTION);
    filter = lua_newuserdatauv(L, sizeof *filter, VALUES);
    *filter = (lua_filter){ .base = { ask_filter, release_filter, 0 }, .self = LUA_NOREF };
    filter->st = sse_state_get(L);
    sse_deferred_init(&filter->release, on_filter_release, filter);
    lua_pushvalue(L, index);
    lua_setiuservalue(L, -2, FUNCTION);
    lua_pushvalue(L, stream);
    lua_setiuservalue(L, -2, STREAM);
    return &filter->base;
}

void sse_anchor_filter(lua_State *L, int index)
{
    lua_filter *filter = lua_touserdata(L, index);

    if (filter->base.refs > 0)
        sse_anchor(L, index, &filter->self);
    else
        sse_unanchor(L, &filter->self);
}
