#include "channel_numbers.h"

#include "../push/delivery.h"
#include "../push/gap.h"
#include "channel.h"

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
    const sse_channel *c = sse_check_channel(L, 1);
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

static const luaL_Reg functions[] = {
    { "channel_numbers", f_channel_numbers },
    { "delay_bounds", f_delay_bounds },
    { NULL, NULL },
};

void sse_open_channel_numbers(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
