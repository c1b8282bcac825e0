/* channel.c: the channel class. */
#include "channel.h"

#include "../push/channel.h"
#include "callbacks.h"
#include "channel_object.h"
#include "direct.h"
#include "held_stream.h"
#include "hint.h"
#include "publish.h"
#include "store_calls.h"

#define IDLE_MS ((uint64_t)60 * 60 * 1000)

static const sse_class channel_class;

static channel_object *check(lua_State *L, int index)
{
    channel_object *o = sse_class_check(L, index, &channel_class);

    if (!o->channel)
        luaL_error(L, "the channel is gone: it was collected");
    return o;
}

sse_channel *sse_check_channel(lua_State *L, int index)
{
    return check(L, index)->channel;
}

void sse_check_from(lua_State *L, int index, sse_follow_options *options)
{
    static const char *const names[] = { "newest", "oldest", NULL };

    if (lua_type(L, index) == LUA_TNUMBER) {
        options->from = SSE_FROM_COUNT;
        options->count = (uint64_t)luaL_checkinteger(L, index);
    } else {
        options->from =
            luaL_checkoption(L, index, "newest", names) ? SSE_FROM_OLDEST : SSE_FROM_NEWEST;
    }
}

/* --- callbacks -------------------------------------------------------------------------------- */

typedef struct presence_call {
    channel_object *o;
    const sse_presence_change *change;
} presence_call;

/* Calls the function of on_presence with "follow" or "leave", the number of followers, the stream,
 * and the reason that it left. */
static int call_on_presence(lua_State *L)
{
    const presence_call *call = lua_touserdata(L, 1);
    const sse_presence_change *change = call->change;

    if (call->o->self == LUA_NOREF)
        return 0;
    sse_push_value(L, call->o->self, CHANNEL_ON_PRESENCE);
    lua_pushstring(L, change->joined ? "follow" : "leave");
    lua_pushinteger(L, (lua_Integer)change->followers);
    sse_push_held_stream(L, change->held);
    if (change->joined)
        lua_pushnil(L);
    else
        lua_pushstring(L, change->reason == SSE_NOT_ENDED
                              ? "unfollow"
                              : sse_reason_name((sse_reason)change->reason));
    lua_call(L, 4, 0);
    return 0;
}

static int call_release_stream(lua_State *L)
{
    const presence_call *call = lua_touserdata(L, 1);

    sse_release_stream(L, call->change->held);
    return 0;
}

static void on_presence(void *user, const sse_presence_change *change)
{
    sse_state *st = ((channel_object *)user)->st; /* the call may collect the object */
    presence_call call = { user, change };

    sse_protect(st, call_on_presence, &call);
    sse_protect(st, call_release_stream, &call);
}

void sse_keep_channel(lua_State *L, int index)
{
    sse_channel_keep(L, index, check(L, index));
}

static const sse_channel_events events = {
    .presence = { .hold_stream = sse_hold_stream, .on_presence = on_presence },
    .on_page_wanted = sse_store_on_page_wanted,
    .on_count = sse_channel_on_count,
    .on_empty = sse_channel_on_empty,
};

/* --- options ---------------------------------------------------------------------------------- */

static uint64_t number_option(lua_State *L, const char *name, uint64_t otherwise)
{
    const lua_Number most = 1e15; /* no bound in practice; in microseconds it is still exact */
    uint64_t value = otherwise;

    if (lua_getfield(L, 1, name) != LUA_TNIL) {
        lua_Number given = luaL_checknumber(L, -1);

        value = (uint64_t)(given < most ? given : most);
    }
    lua_pop(L, 1);
    return value;
}

static sse_slice text_option(lua_State *L, const char *name, const char *otherwise)
{
    sse_slice s;

    lua_getfield(L, 1, name); /* the string stays on the stack: the slice points into it */
    s.at = luaL_optlstring(L, -1, otherwise, &s.len);
    return s;
}

static const char *const slow_names[] = { "close", "skip", "latest", NULL };

static sse_slow slow_option(lua_State *L)
{
    int i = 0;

    lua_getfield(L, 1, "slow");
    i = luaL_checkoption(L, lua_gettop(L), "close", slow_names);
    lua_pop(L, 1);
    return (sse_slow)i;
}

/* channel(options) -> an object of sse.channel. The Lua layer has checked the options. */
static int f_channel(lua_State *L)
{
    sse_state *st = sse_state_check(L);
    sse_channel_options options = { 0 };
    channel_object *o = NULL;
    int code = SSE_OK;

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    options.history.max_count = (size_t)number_option(L, "history", 1000);
    options.history.max_bytes = number_option(L, "history_bytes", (uint64_t)8 << 20);
    options.history.max_age = number_option(L, "max_age", 0) * 1000;
    options.max_lag = number_option(L, "max_lag", 0);
    options.slow = slow_option(L);
    options.name = text_option(L, "name", "");
    options.gap_event = text_option(L, "gap_event", "sse-gap");
    o = sse_class_new(L, &channel_class, sizeof *o, CHANNEL_VALUES);
    o->st = st;
    o->self = LUA_NOREF;
    o->idle = number_option(L, "idle", IDLE_MS);
    sse_channel_keep_init(o);
    code = sse_channel_new(st->loop, &options, o, &events, &o->channel);
    if (code)
        return luaL_error(L, "cannot make a channel: %s", sse_error_text(code));
    if (o->idle > 0)
        sse_channel_keep(L, lua_gettop(L), o);
    return 1;
}

/* Pushes the name of the option, and its value, where the table at 1 has another; returns whether
 * the table has none or the same. */
static bool same_number(lua_State *L, const char *name, uint64_t value, uint64_t unit)
{
    bool same = number_option(L, name, value / unit) == value / unit;

    if (!same) {
        lua_pushstring(L, name);
        lua_pushinteger(L, (lua_Integer)(value / unit));
    }
    return same;
}

static bool same_text(lua_State *L, const char *name, const char *value)
{
    bool same = true;

    if (lua_getfield(L, 1, name) != LUA_TNIL)
        same = strcmp(lua_tostring(L, -1), value) == 0;
    lua_pop(L, 1);
    if (!same) {
        lua_pushstring(L, name);
        lua_pushstring(L, value);
    }
    return same;
}

/* channel_differs(options, channel) -> the name of an option that has another value than the
 * channel's, and the channel's value; nothing where there is none. An option that is absent is the
 * channel's. */
static int f_channel_differs(lua_State *L)
{
    const channel_object *o = check(L, 2);
    const sse_channel *c = o->channel;
    const sse_log_limits *history = c->window ? &c->window->bounds : &c->log.limits;

    luaL_checktype(L, 1, LUA_TTABLE);
    if (same_number(L, "history", history->max_count, 1) &&
        same_number(L, "history_bytes", history->max_bytes, 1) &&
        same_number(L, "max_age", history->max_age, 1000) && same_number(L, "idle", o->idle, 1) &&
        same_number(L, "max_lag", c->max_lag, 1) && same_text(L, "slow", slow_names[c->slow]) &&
        same_text(L, "gap_event", c->gap_event))
        return 0;
    return 2;
}

/* on_presence(channel, fn): from now on fn("follow" | "leave", followers, stream, reason) is called
 * for every stream that begins to follow the channel or stops. */
static int f_on_presence(lua_State *L)
{
    channel_object *o = check(L, 1);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, CHANNEL_ON_PRESENCE);
    o->channel->presence.wanted = true;
    return 0;
}

/* on_count(channel, fn): from now on fn() is called at the end of each turn in which streams have
 * begun to follow the channel or stopped. */
static int f_on_count(lua_State *L)
{
    channel_object *o = check(L, 1);

    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    lua_setiuservalue(L, 1, CHANNEL_ON_COUNT);
    o->counts = true;
    return 0;
}

/* --- methods ---------------------------------------------------------------------------------- */

/* channel:publish(event) -> id, or nil, message, code; true where the channel has a store, and the
 * caller can't wait */
static int m_publish(lua_State *L)
{
    return sse_publish(L, check(L, 1));
}

/* A program that closes a channel outside of the loop has not forgotten to run it: the store may
 * have something left to do, which no one waits for. */
static int m_close(lua_State *L)
{
    channel_object *o = sse_class_check(L, 1, &channel_class);

    sse_check_count(L, 1, "channel:close()");
    if (o->channel && o->channel->filtering)
        return luaL_error(L, "a where function can't close the channel it filters");
    if (o->channel && o->channel->window)
        sse_store_close(L, o);
    else if (o->channel)
        sse_channel_close(o->channel);
    if (!o->st->loop)
        return 0;
    if (o->channel && !o->channel->window && o->self != LUA_NOREF)
        sse_loop_defer(o->st->loop, &o->unfollowed);
    if (!sse_loop_running(o->st->loop))
        sse_loop_keep_left(o->st->loop);
    return 0;
}

/* --- properties ------------------------------------------------------------------------------- */

static int p_followers(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check(L, 1)->channel->count);
    return 1;
}

static int p_name(lua_State *L)
{
    lua_pushstring(L, check(L, 1)->channel->name);
    return 1;
}

static int p_closed(lua_State *L)
{
    channel_object *o = sse_class_check(L, 1, &channel_class);

    lua_pushboolean(L, !o->channel || o->channel->closed || o->channel->refusing);
    return 1;
}

/* The id of the newest event in the log; nil where the log is empty. */
static int p_last_id(lua_State *L)
{
    const channel_object *o = check(L, 1);
    const sse_channel *c = o->channel;
    sse_slice id;

    if (c->window && (o->newest >= c->log.next || c->log.first == c->log.next)) {
        lua_getiuservalue(L, 1, CHANNEL_LAST_ID);
        return 1;
    }
    if (c->log.first == c->log.next)
        return 0;
    id = sse_channel_id(c, c->log.next - 1);
    lua_pushlstring(L, id.at, id.len);
    return 1;
}

/* channel.on_error = function(err, context), or nil: the Lua layer calls it. */
static int s_on_error(lua_State *L)
{
    channel_object *o = check(L, 1);

    sse_set_callback(L, "on_error", CHANNEL_ON_ERROR, false, &o->self);
    return 0;
}

static int p_on_error(lua_State *L)
{
    check(L, 1);
    lua_getiuservalue(L, 1, CHANNEL_ON_ERROR);
    return 1;
}

static int mm_gc(lua_State *L)
{
    channel_object *o = lua_touserdata(L, 1);
    sse_channel *c = o->channel;

    if (!c)
        return 0;
    sse_direct_free(o);
    o->channel = NULL;
    sse_parser_free(o->parser);
    o->parser = NULL;
    sse_discharge(o->st, &o->charged);
    if (!o->st->loop)
        return 0; /* the Lua state closes: the channel's streams may have been freed already */
    sse_loop_undefer(o->st->loop, &o->unfollowed);
    sse_loop_undefer(o->st->loop, &o->counted);
    sse_timer_stop(&o->idling);
    sse_channel_free(c);
    return 0;
}

static const luaL_Reg functions[] = {
    { "channel", f_channel },
    { "channel_differs", f_channel_differs },
    { "on_presence", f_on_presence },
    { "on_count", f_on_count },
    { NULL, NULL },
};
static const luaL_Reg methods[] = { { "publish", m_publish },
                                    { "close", m_close },
                                    { NULL, NULL } };
static const luaL_Reg properties[] = { { "followers", p_followers }, { "name", p_name },
                                       { "closed", p_closed },       { "last_id", p_last_id },
                                       { "on_error", p_on_error },   { NULL, NULL } };
static const luaL_Reg setters[] = { { "on_error", s_on_error }, { NULL, NULL } };
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { NULL, NULL } };
static const sse_class channel_class = { "sse.channel", methods, properties, metamethods, setters };

void sse_open_channel(lua_State *L)
{
    sse_class_register(L, &channel_class);
    luaL_setfuncs(L, functions, 0);
}
