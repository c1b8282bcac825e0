/* channel.c: the channel class. */
#include "channel.h"

#include "../push/channel.h"
#include "../push/delivery.h"
#include "../push/gap.h"
#include "callbacks.h"
#include "channel_object.h"
#include "encoder.h"
#include "held_stream.h"
#include "hint.h"

#define IDLE_MS        ((uint64_t)60 * 60 * 1000)
#define SSE_MAX_OWN_ID 1024 /* bytes; the most that an id given to publish may have */

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

/* --- how long a channel is kept --------------------------------------------------------------- */

static int unanchor_channel(lua_State *L)
{
    channel_object *o = lua_touserdata(L, 1);

    sse_unanchor(L, &o->self);
    return 0;
}

/* Until when the channel is kept that nobody follows, in ms of the loop's clock: until it was idle
 * for long enough, and until its newest event has reached max_age. */
static uint64_t kept_until(const channel_object *o)
{
    const sse_log *log = &o->channel->log;
    uint64_t until = o->used + o->idle, aged = 0;

    if (o->channel->closed)
        return 0;
    if (log->limits.max_age && log->first < log->next)
        aged = (sse_log_at(log, log->next - 1)->time + log->limits.max_age) / 1000 + 1;
    return until > aged ? until : aged;
}

/* Lets the object be collected unless the program refers to it, where it is not to be kept any
 * longer; else sets the timer. Calls of on_presence that are queued need the object. */
static void release_if_idle(void *arg)
{
    channel_object *o = arg;
    uint64_t now = sse_loop_now(o->st->loop), until = kept_until(o);

    if (o->channel->count > 0)
        return;
    if (o->channel->presence.first)
        sse_loop_defer(o->st->loop, &o->unfollowed);
    else if (now < until)
        sse_timer_start(&o->idling, until - now, false);
    else {
        sse_timer_stop(&o->idling);
        sse_protect(o->st, unanchor_channel, o);
    }
}

static void on_empty(void *user)
{
    channel_object *o = user;

    if (!o->st->loop || o->self == LUA_NOREF)
        return;
    o->used = sse_loop_now(o->st->loop);
    sse_loop_defer(o->st->loop, &o->unfollowed);
}

/* Keeps the object at index from being collected while the channel has followers, and then until it
 * has been idle for long enough. */
static void keep(lua_State *L, int index, channel_object *o)
{
    o->used = sse_loop_now(o->st->loop);
    if (o->self != LUA_NOREF)
        return;
    sse_anchor(L, index, &o->self);
    /* Later, for a function of this channel may be running further up the C stack. */
    sse_loop_defer(o->st->loop, &o->unfollowed);
}

void sse_keep_channel(lua_State *L, int index)
{
    keep(L, index, check(L, index));
}

static const sse_channel_events events = {
    .presence = { .hold_stream = sse_hold_stream, .on_presence = on_presence },
    .on_empty = on_empty,
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
    sse_deferred_init(&o->unfollowed, release_if_idle, o);
    sse_timer_init(&o->idling, st->loop, release_if_idle, o);
    code = sse_channel_new(st->loop, &options, o, &events, &o->channel);
    if (code)
        return luaL_error(L, "cannot make a channel: %s", sse_error_text(code));
    if (o->idle > 0)
        keep(L, lua_gettop(L), o);
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
    const sse_log_limits *history = &c->log.limits;

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

/* --- methods ---------------------------------------------------------------------------------- */

static int fail_publish(lua_State *L, int code, const char *field)
{
    switch (code) {
    case SSE_EBUSY:
        return luaL_error(L, "a where function can't publish to the channel it filters");
    case SSE_EEXIST:
        return sse_fail(L, code,
                        "field 'id': an event with that id is held already" SSE_PAGE("eexist"));
    case SSE_ETOOBIG:
        return sse_fail(L, code, "the event is larger than history_bytes");
    case SSE_ECLOSED:
        return sse_fail(L, code, "the channel is closed");
    default:
        return sse_fail_message(L, code, field);
    }
}

/* Takes the id off a MessageEvent that is the id of the one published before: its own block had
 * none. Its event gets an id of the channel's. Otherwise notes the id. */
static void drop_repeated_id(lua_State *L, sse_event *event)
{
    sse_slice last = { 0 };

    lua_getiuservalue(L, 1, CHANNEL_RECEIVED_ID);
    if (lua_type(L, -1) == LUA_TSTRING)
        last.at = lua_tolstring(L, -1, &last.len);
    lua_pop(L, 1);
    if (last.at && event->id.at && sse_slice_equal(last, event->id)) {
        event->id = (sse_slice){ 0 };
        return;
    }
    lua_pushlstring(L, event->id.at ? event->id.at : "", event->id.len);
    lua_setiuservalue(L, 1, CHANNEL_RECEIVED_ID);
}

/* Keeps the `meta` of the table at 2 with the event at `position`. */
static void set_meta(lua_State *L, uint64_t position)
{
    if (lua_getiuservalue(L, 1, CHANNEL_METAS) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 1, CHANNEL_METAS);
    }
    lua_getfield(L, 2, "meta");
    lua_rawseti(L, -2, (lua_Integer)position);
    lua_pop(L, 1);
}

/* Drops the metas of the events whose frames have left the log. */
static void drop_metas(lua_State *L, channel_object *o)
{
    if (lua_getiuservalue(L, 1, CHANNEL_METAS) == LUA_TTABLE) {
        for (; o->metas_from < o->channel->log.oldest; o->metas_from++) {
            lua_pushnil(L);
            lua_rawseti(L, -2, (lua_Integer)o->metas_from);
        }
    }
    o->metas_from = o->channel->log.oldest;
    lua_pop(L, 1);
}

/* channel:publish(event) -> id, or nil, message, code */
static int m_publish(lua_State *L)
{
    channel_object *o = check(L, 1);
    bool has_meta = false;
    uint64_t before = 0;
    sse_publication p = { 0 };
    sse_message message;
    const char *field = NULL;
    uint64_t position = 0;
    sse_slice id;
    int code = SSE_OK;

    if (lua_gettop(L) != 2)
        return luaL_error(
            L, "channel:publish takes one event, a table or a string" SSE_PAGE("events"));
    sse_check_publication(L, 2, &message, &p.key, &p.dedupe, &has_meta);
    if (message.comment.at)
        return luaL_error(L, "a channel has no comments: publish an event" SSE_PAGE("events"));
    if (!message.event.data.at)
        return luaL_error(L,
                          "an event needs data (data = \"\" for an empty one)" SSE_PAGE("events"));
    p.event = message.event;
    if (p.event.id.at && p.event.id.len == 0)
        return luaL_error(L, "field 'id' must not be empty");
    if (p.event.id.len > SSE_MAX_OWN_ID)
        return sse_fail(L, SSE_ETOOBIG,
                        "field 'id' is longer than 1024 bytes: clients could not send it back");
    if (p.event.id.at && sse_log_is_position(&o->channel->log, p.event.id))
        return sse_fail(L, SSE_EINVAL,
                        "field 'id' has the form of the channel's own ids" SSE_PAGE("events"));
    if (message.received)
        drop_repeated_id(L, &p.event);
    sse_complete_message(L, o->st, &message);
    p.event.data = message.event.data;
    before = o->channel->counters.published;
    code = sse_channel_publish(o->channel, &p, &position, &field);
    sse_state_release(o->st, &o->st->json);
    if (code)
        return fail_publish(L, code, field);
    id = sse_channel_id(o->channel, position);
    lua_pushlstring(L, id.at, id.len);
    if (o->channel->counters.published == before)
        return 1;
    o->used = o->channel->now / 1000;
    if (o->self == LUA_NOREF && o->idle > 0)
        keep(L, 1, o);
    if (has_meta)
        set_meta(L, position);
    if (o->metas_from < o->channel->log.oldest)
        drop_metas(L, o);
    sse_charge(L, o->st, &o->charged, sse_log_memory(&o->channel->log));
    return 1;
}

static int m_close(lua_State *L)
{
    channel_object *o = sse_class_check(L, 1, &channel_class);

    sse_check_count(L, 1, "channel:close()");
    if (o->channel && sse_channel_close(o->channel) == SSE_EBUSY)
        return luaL_error(L, "a where function can't close the channel it filters");
    if (o->channel && o->st->loop && o->self != LUA_NOREF)
        sse_loop_defer(o->st->loop, &o->unfollowed);
    return 0;
}

/* --- numbers ---------------------------------------------------------------------------------- */

static void set_gaps(lua_State *L, const sse_channel_counters *n)
{
    lua_createtable(L, 0, SSE_GAPS);
    for (int i = 0; i < SSE_GAPS; i++)
        sse_set_number(L, sse_gap_names[i], n->gaps[i]);
    lua_setfield(L, -2, "gaps");
}

static void set_replays(lua_State *L, const sse_channel_counters *n)
{
    lua_createtable(L, 0, 2);
    sse_set_number(L, "hit", n->resumed);
    sse_set_number(L, "miss", n->missed);
    lua_setfield(L, -2, "replays");
}

/* Sets `delay_seconds`, a histogram: how many events took up to each of the bounds, as a list, and
 * behind these how many took any time; `sum` and `count` of all. */
static void set_delays(lua_State *L, const sse_channel_counters *n)
{
    uint64_t count = 0;

    lua_createtable(L, SSE_DELAYS, 2);
    for (int i = 0; i < SSE_DELAYS; i++) {
        count += n->delays[i];
        lua_pushinteger(L, (lua_Integer)count);
        lua_rawseti(L, -2, i + 1);
    }
    lua_pushnumber(L, (lua_Number)n->delay_sum / 1e6);
    lua_setfield(L, -2, "sum");
    sse_set_number(L, "count", count);
    lua_setfield(L, -2, "delay_seconds");
}

/* delay_bounds() -> the bounds of that histogram, a list of seconds */
static int f_delay_bounds(lua_State *L)
{
    lua_createtable(L, SSE_DELAYS - 1, 0);
    for (int i = 0; i < SSE_DELAYS - 1; i++) {
        lua_pushnumber(L, (lua_Number)sse_delay_bounds[i] / 1e6);
        lua_rawseti(L, -2, i + 1);
    }
    return 1;
}

/* channel_numbers(channel) -> all that is counted, by the stems of lua/sse/server/metric_names.lua
 */
static int f_channel_numbers(lua_State *L)
{
    const sse_channel *c = check(L, 1)->channel;
    const sse_channel_counters *n = &c->counters;
    const sse_log *log = &c->log;

    lua_createtable(L, 0, 16);
    sse_set_number(L, "followers", c->count);
    sse_set_number(L, "history_events", log->next - log->first);
    sse_set_number(L, "history_bytes",
                   log->first < log->next ? log->total - sse_log_at(log, log->first)->before : 0);
    sse_set_number(L, "publishes_repeated", n->repeated);
    sse_set_number(L, "publishes_refused", n->refused);
    sse_set_number(L, "events_published", n->published);
    sse_set_number(L, "events_delivered", n->delivered);
    sse_set_number(L, "events_delivered_bytes", n->bytes);
    sse_set_number(L, "events_filtered", n->filtered);
    sse_set_number(L, "events_superseded", log->superseded);
    sse_set_number(L, "slow_followers_closed", n->slow_closed);
    sse_set_number(L, "slow_events_skipped", n->skipped);
    set_gaps(L, n);
    set_replays(L, n);
    set_delays(L, n);
    return 1;
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

    lua_pushboolean(L, !o->channel || o->channel->closed);
    return 1;
}

/* The id of the newest event in the log; nil where the log is empty. */
static int p_last_id(lua_State *L)
{
    const sse_channel *c = check(L, 1)->channel;
    sse_slice id;

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
    o->channel = NULL;
    sse_parser_free(o->parser);
    o->parser = NULL;
    sse_discharge(o->st, &o->charged);
    if (!o->st->loop)
        return 0; /* the Lua state closes: the channel's streams may have been freed already */
    sse_loop_undefer(o->st->loop, &o->unfollowed);
    sse_timer_stop(&o->idling);
    sse_channel_free(c);
    return 0;
}

static const luaL_Reg functions[] = {
    { "channel", f_channel },
    { "channel_differs", f_channel_differs },
    { "channel_numbers", f_channel_numbers },
    { "delay_bounds", f_delay_bounds },
    { "on_presence", f_on_presence },
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
