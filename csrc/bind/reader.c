/* reader.c: the class sse.reader: reads a channel's events one at a time, from the channel's log.
 * Only lua/sse/server/channel_events.lua uses it. */
#include "reader.h"

#include "../push/channel.h"
#include "../push/reader.h"
#include "channel.h"
#include "channel_object.h"
#include "read_back.h"

/* User values: the channel's object, which must not be collected before the reader has left; the
 * function given to `wait`. */
enum { CHANNEL = 1, ON_READY, VALUES = ON_READY };

typedef struct reader_object {
    sse_reader reader;
    sse_state *st;
    sse_parser *parser; /* reads events back. NULL before the first, and while a call uses it */
    int self;           /* anchored while it waits */
} reader_object;

static const sse_class reader_class;

static int call_on_ready(lua_State *L)
{
    reader_object *o = lua_touserdata(L, 1);

    sse_push_value(L, o->self, ON_READY);
    sse_unanchor(L, &o->self);
    lua_call(L, 0, 0);
    return 0;
}

static void on_ready(void *user)
{
    reader_object *o = user;

    sse_protect(o->st, call_on_ready, o);
}

/* channel_reader(channel, from) -> an object of sse.reader. The Lua layer has checked `from`. */
static int f_channel_reader(lua_State *L)
{
    sse_channel *c = sse_check_channel(L, 1);
    sse_follow_options options = { 0 };
    reader_object *o = NULL;

    lua_settop(L, 2);
    sse_check_from(L, 2, &options);
    o = sse_class_new(L, &reader_class, sizeof *o, VALUES);
    o->st = sse_state_check(L);
    o->self = LUA_NOREF;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, CHANNEL);
    sse_reader_begin(&o->reader, c, &options, on_ready, o);
    return 1;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* One event that is given to Lua. Making its strings may run a finalizer, which may read from the
 * same reader or close the channel: so this call has its own reference to the frame, and the
 * reader's parser for itself. */
typedef struct taking {
    sse_frame *frame;
    sse_parser *parser;
    uint64_t position;
    sse_slice id; /* its bytes are in the frame; absent for a gap event */
} taking;

static int push_event(lua_State *L)
{
    taking *t = lua_touserdata(L, 1);

    sse_push_event_texts(L, &t->parser, t->frame);
    if (t->id.at)
        lua_pushlstring(L, t->id.at, t->id.len);
    else
        lua_pushnil(L);
    return 3;
}

static int give_event(lua_State *L, reader_object *o, taking *t)
{
    int code = LUA_OK;

    t->parser = sse_take_parser(&o->parser);
    lua_pushcfunction(L, push_event);
    lua_pushlightuserdata(L, t);
    code = lua_pcall(L, 1, 3, 0);
    sse_give_parser_back(&o->parser, t->parser, !code);
    sse_frame_unref(t->frame);
    if (code)
        return lua_error(L);
    if (!t->id.at)
        return 3;
    lua_getiuservalue(L, 1, CHANNEL);
    if (lua_getiuservalue(L, -1, CHANNEL_METAS) != LUA_TTABLE) {
        lua_pop(L, 2);
        return 3;
    }
    lua_rawgeti(L, -1, (lua_Integer)t->position);
    lua_replace(L, -3);
    lua_pop(L, 1);
    return 4;
}

/* reader:take() -> type, data, id, meta of the next event; type, data of a gap event; nil where
 * there is none yet; false at the end; true and a position where the store has the events from
 * there on, which the window does not reach */
static int m_take(lua_State *L)
{
    reader_object *o = sse_class_check(L, 1, &reader_class);
    const sse_channel *c = o->reader.channel;
    taking t = { 0 };
    int got = sse_reader_next(&o->reader, &t.position, &t.frame);

    switch (got) {
    case SSE_READ_EVENT:
        t.frame = sse_frame_ref(sse_log_at(&c->log, t.position)->frame);
        t.id = sse_channel_id(c, t.position);
        return give_event(L, o, &t);
    case SSE_READ_GAP:
        return give_event(L, o, &t);
    case SSE_READ_BEHIND:
        lua_pushboolean(L, true);
        lua_pushinteger(L, (lua_Integer)o->reader.cursor);
        return 2;
    case SSE_READ_NOTHING:
        return 0;
    case SSE_READ_END:
        lua_pushboolean(L, false);
        return 1;
    default:
        return luaL_error(L, "%s", sse_error_text(got));
    }
}

/* reader:seek(position[, lost]): goes on at a position of the store's log, from which on the
 * program has read events of it. lost: the store has dropped the events before; returns type and
 * data of the gap event that says so. */
static int m_seek(lua_State *L)
{
    reader_object *o = sse_class_check(L, 1, &reader_class);
    lua_Integer position = luaL_checkinteger(L, 2);
    taking t = { 0 };
    int code = SSE_OK;

    luaL_argcheck(L, position >= 1, 2, "a position is at least 1");
    if (!o->reader.channel)
        return 0;
    if (lua_toboolean(L, 3)) {
        code = sse_reader_skip_to(&o->reader, (uint64_t)position, &t.frame);
        return code ? luaL_error(L, "%s", sse_error_text(code)) : give_event(L, o, &t);
    }
    sse_reader_seek(&o->reader, (uint64_t)position);
    return 0;
}

/* --- waiting and closing ---------------------------------------------------------------------- */

/* reader:wait(fn): calls fn once when there is something to take. One wait at a time. */
static int m_wait(lua_State *L)
{
    reader_object *o = sse_class_check(L, 1, &reader_class);

    sse_state_check(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    if (!o->reader.channel) { /* a finalizer has closed it since it was read from */
        lua_call(L, 0, 0);
        return 0;
    }
    lua_setiuservalue(L, 1, ON_READY);
    sse_anchor(L, 1, &o->self);
    sse_reader_wait(&o->reader);
    return 0;
}

/* reader:close(): leaves the channel. Who waits is called, and takes the end. */
static int m_close(lua_State *L)
{
    reader_object *o = sse_class_check(L, 1, &reader_class);

    if (!o->reader.channel || !o->st->loop)
        return 0;
    sse_reader_leave(&o->reader);
    if (o->self == LUA_NOREF)
        return 0;
    sse_unanchor(L, &o->self);
    lua_getiuservalue(L, 1, ON_READY);
    lua_call(L, 0, 0);
    return 0;
}

static int mm_gc(lua_State *L)
{
    reader_object *o = lua_touserdata(L, 1);

    sse_parser_free(o->parser);
    o->parser = NULL;
    if (o->st && o->st->loop)
        sse_reader_leave(&o->reader);
    return 0;
}

static const luaL_Reg functions[] = { { "channel_reader", f_channel_reader }, { NULL, NULL } };
static const luaL_Reg methods[] = {
    { "take", m_take }, { "seek", m_seek }, { "wait", m_wait }, { "close", m_close }, { NULL, NULL }
};
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { "__close", m_close }, { NULL, NULL } };
static const sse_class reader_class = { "sse.reader", methods, NULL, metamethods, NULL };

void sse_open_reader(lua_State *L)
{
    sse_class_register(L, &reader_class);
    luaL_setfuncs(L, functions, 0);
}
