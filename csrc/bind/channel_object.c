#include "channel_object.h"

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
    if (log->limits.max_age && log->first < log->next && !o->channel->window)
        aged = (sse_log_at(log, log->next - 1)->time + log->limits.max_age) / 1000 + 1;
    return until > aged ? until : aged;
}

/* Tells the store's side that nobody follows the channel. */
static int call_unfollowed(lua_State *L)
{
    channel_object *o = lua_touserdata(L, 1);

    if (o->self == LUA_NOREF)
        return 0;
    sse_push_value(L, o->self, CHANNEL_STORE);
    lua_getfield(L, -1, "unfollowed");
    lua_call(L, 0, 0);
    return 0;
}

/* Lets the object be collected unless the program refers to it, where it is not to be kept any
 * longer; else sets the timer. Calls of on_presence and on_count that are queued need the
 * object. */
static void release_if_idle(void *arg)
{
    channel_object *o = arg;
    uint64_t now = sse_loop_now(o->st->loop), until = kept_until(o);

    if (o->channel->count > 0)
        return;
    if (o->channel->window)
        sse_protect(o->st, call_unfollowed, o);
    if (!o->channel)
        return;
    if (o->channel->presence.first || o->counted.link)
        sse_loop_defer(o->st->loop, &o->unfollowed);
    else if (now < until)
        sse_timer_start(&o->idling, until - now, false);
    else {
        sse_timer_stop(&o->idling);
        sse_protect(o->st, unanchor_channel, o);
    }
}

void sse_channel_on_empty(void *user)
{
    channel_object *o = user;

    if (!o->st->loop || o->self == LUA_NOREF)
        return;
    o->used = sse_loop_now(o->st->loop);
    sse_loop_defer(o->st->loop, &o->unfollowed);
}

static int call_on_count(lua_State *L)
{
    channel_object *o = lua_touserdata(L, 1);

    if (o->self == LUA_NOREF)
        return 0;
    sse_push_value(L, o->self, CHANNEL_ON_COUNT);
    lua_call(L, 0, 0);
    return 0;
}

static void tell_count(void *arg)
{
    channel_object *o = arg;

    sse_protect(o->st, call_on_count, o);
}

void sse_channel_on_count(void *user)
{
    channel_object *o = user;

    if (o->counts && o->st->loop)
        sse_loop_defer(o->st->loop, &o->counted);
}

void sse_channel_keep(lua_State *L, int index, channel_object *o)
{
    o->used = sse_loop_now(o->st->loop);
    if (o->self != LUA_NOREF)
        return;
    sse_anchor(L, index, &o->self);
    /* Later, for a function of this channel may be running further up the C stack. */
    sse_loop_defer(o->st->loop, &o->unfollowed);
}

void sse_channel_keep_init(channel_object *o)
{
    sse_deferred_init(&o->unfollowed, release_if_idle, o);
    sse_deferred_init(&o->counted, tell_count, o);
    sse_timer_init(&o->idling, o->st->loop, release_if_idle, o);
}

/* --- what the log holds ----------------------------------------------------------------------- */

void sse_channel_set_meta(lua_State *L, uint64_t position)
{
    if (lua_getiuservalue(L, 1, CHANNEL_METAS) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setiuservalue(L, 1, CHANNEL_METAS);
    }
    lua_pushvalue(L, -2);
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

void sse_channel_has_grown(lua_State *L, bool has_meta)
{
    channel_object *o = lua_touserdata(L, 1);

    o->used = o->channel->now / 1000;
    if (o->self == LUA_NOREF && o->idle > 0)
        sse_channel_keep(L, 1, o);
    if (has_meta)
        sse_channel_set_meta(L, o->channel->log.next - 1);
    if (o->metas_from < o->channel->log.oldest)
        drop_metas(L, o);
    sse_charge(L, o->st, &o->charged, sse_log_memory(&o->channel->log));
}
