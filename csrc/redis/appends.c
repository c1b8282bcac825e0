#include "appends.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TALLY "sse.redis.tally"
#define QUEUE "sse.redis.queue"
#define RUN   "sse.redis.run"

/* User values: of a queue its tally, else the queue; the functions that are told of results. */
enum { OWNER = 1, FUNCTIONS };

#define MOST_TRIES 3

typedef struct direct_log {
    sse_direct_log base;
    queue *queue; /* its object is the user value */
    int bounds;
} direct_log;

static const char *const text_names[TEXTS] = { "event", "id", "key", "dedupe", "meta" };

/* --- tallies ---------------------------------------------------------------------------------- */

int appends_tally(lua_State *L)
{
    tally *t = lua_newuserdatauv(L, sizeof *t, 0);

    *t = (tally){ .most = UINT64_MAX, .owner = getpid() };
    luaL_setmetatable(L, TALLY);
    return 1;
}

/* tally:allow(most): so many events may wait, or any number */
static int t_allow(lua_State *L)
{
    tally *t = luaL_checkudata(L, 1, TALLY);
    lua_Integer most = luaL_optinteger(L, 2, -1);

    t->code[0] = '\0';
    t->most = most < 0 ? UINT64_MAX : (uint64_t)most;
    snprintf(t->full, sizeof t->full, "redis: %lld events wait for the server already",
             (long long)most);
    return 0;
}

/* tally:refuse(message, code): none may wait */
static int t_refuse(lua_State *L)
{
    tally *t = luaL_checkudata(L, 1, TALLY);

    snprintf(t->message, sizeof t->message, "%s", luaL_checkstring(L, 2));
    snprintf(t->code, sizeof t->code, "%s", luaL_checkstring(L, 3));
    return 0;
}

/* tally:waiting() -> events without a result */
static int t_waiting(lua_State *L)
{
    const tally *t = luaL_checkudata(L, 1, TALLY);

    lua_pushinteger(L, (lua_Integer)t->count);
    return 1;
}

/* tally:take_refused() -> how many events were refused since the last call */
static int t_take_refused(lua_State *L)
{
    tally *t = luaL_checkudata(L, 1, TALLY);

    lua_pushinteger(L, (lua_Integer)t->refused);
    t->refused = 0;
    return 1;
}

/* --- queues ----------------------------------------------------------------------------------- */

int appends_queue(lua_State *L)
{
    tally *t = luaL_checkudata(L, 1, TALLY);
    queue *q = lua_newuserdatauv(L, sizeof *q, 2);

    queue_init(q, t);
    luaL_setmetatable(L, QUEUE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, OWNER);
    lua_newtable(L);
    lua_setiuservalue(L, -2, FUNCTIONS);
    return 1;
}

static queue *check_queue(lua_State *L)
{
    return luaL_checkudata(L, 1, QUEUE);
}

static int push_failure(lua_State *L, const sse_direct_result *failure)
{
    lua_pushnil(L);
    lua_pushstring(L, failure->message);
    lua_pushstring(L, failure->code);
    return 3;
}

/* queue:append(done, bounds, event, id, key, dedupe, meta) -> true; or nil, message, code */
static int q_append(lua_State *L)
{
    queue *q = check_queue(L);
    sse_slice texts[TEXTS] = { { 0 } };
    sse_direct_result failure = { 0 };
    int bounds = (int)luaL_checkinteger(L, 3), ref = LUA_NOREF;
    append *a = NULL;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 8);
    for (int i = 0; i < TEXTS; i++)
        if (i == SSE_DIRECT_EVENT || !lua_isnil(L, 4 + i))
            texts[i].at = luaL_checklstring(L, 4 + i, &texts[i].len);
    lua_getiuservalue(L, 1, FUNCTIONS);
    lua_pushvalue(L, 2);
    ref = luaL_ref(L, -2);
    a = queue_add(q, texts, bounds, &failure);
    if (!a) {
        luaL_unref(L, -1, ref);
        return push_failure(L, &failure);
    }
    a->done = ref;
    lua_pushboolean(L, 1);
    return 1;
}

static bool direct_append(sse_direct_log *base, const sse_slice texts[TEXTS], sse_direct_wait *wait,
                          sse_direct_result *failure)
{
    const direct_log *d = (const direct_log *)base;
    append *a = queue_add(d->queue, texts, d->bounds, failure);

    if (!a)
        return false;
    a->direct = base;
    a->wait = wait;
    return true;
}

/* queue:direct(bounds) -> what a channel appends by */
static int q_direct(lua_State *L)
{
    queue *q = check_queue(L);
    int bounds = (int)luaL_checkinteger(L, 2);
    direct_log *d = lua_newuserdatauv(L, sizeof *d, 1);

    *d = (direct_log){ .base = { .append = direct_append }, .queue = q, .bounds = bounds };
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, OWNER);
    luaL_setmetatable(L, SSE_DIRECT_CLASS);
    return 1;
}

/* queue:move(tally): what has no result counts there */
static int q_move(lua_State *L)
{
    queue *q = check_queue(L);
    tally *t = luaL_checkudata(L, 2, TALLY);

    lua_settop(L, 2);
    lua_setiuservalue(L, 1, OWNER);
    queue_move(q, t);
    return 0;
}

/* queue:count() -> events without a result, those of runs included */
static int q_count(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_queue(L)->count);
    return 1;
}

/* queue:take(most, bytes) -> a run of what waits, and the number of the first one's bounds; or
 * nothing */
static int q_take(lua_State *L)
{
    queue *q = check_queue(L);
    int most = (int)luaL_checkinteger(L, 2), n = 0;
    lua_Integer bytes = luaL_checkinteger(L, 3);
    run *r = NULL;

    luaL_argcheck(L, most > 0 && most <= UINT16_MAX, 2, "too many");
    n = queue_run_size(q, most, (size_t)bytes);
    if (n == 0)
        return 0;
    r = lua_newuserdatauv(L, sizeof *r + (size_t)n * sizeof r->list[0], 1);
    *r = (run){ .queue = q };
    luaL_setmetatable(L, RUN);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, OWNER);
    queue_take(q, r, n);
    lua_pushinteger(L, r->list[0]->bounds);
    return 2;
}

static int q_gc(lua_State *L)
{
    queue_free(check_queue(L));
    return 0;
}

/* --- runs ------------------------------------------------------------------------------------- */

static run *check_run(lua_State *L)
{
    return luaL_checkudata(L, 1, RUN);
}

const run *appends_check_run(lua_State *L, int index)
{
    const run *r = luaL_checkudata(L, index, RUN);

    for (int i = 0; i < r->count; i++)
        luaL_argcheck(L, r->list[i], index, "the run has results");
    return r;
}

/* The number of an event in the run. */
static int check_number(lua_State *L, int index, const run *r)
{
    lua_Integer i = luaL_checkinteger(L, index);

    luaL_argcheck(L, i >= 1 && i <= r->count, index, "the run has no such event");
    return (int)i - 1;
}

/* Pushes the function that is told of an event, which is then of no use to anybody else. */
static void push_done(lua_State *L, const append *a)
{
    lua_getiuservalue(L, 1, OWNER);
    lua_getiuservalue(L, -1, FUNCTIONS);
    lua_rawgeti(L, -1, a->done);
    luaL_unref(L, -2, a->done);
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* Tells a task of its result. Where that raises before the result was taken, for want of memory,
 * the event stays, and is told once more when the caller tells again; not for ever. */
static void tell_direct(lua_State *L, run *r, int i, const sse_direct_result *result)
{
    append *a = r->list[i];

    if (a->wait && a->tries++ < MOST_TRIES)
        a->direct->done(L, &a->wait, result);
    if (r->list[i] == a) /* the task may have had the run told */
        run_drop(r, i);
}

/* Moves *i on to the next event without a result; false: up to `to` all have theirs. */
static bool next_event(const run *r, int *i, int to)
{
    while (*i <= to && !r->list[*i])
        ++*i;
    return *i <= to;
}

/* run:count() */
static int r_count(lua_State *L)
{
    lua_pushinteger(L, check_run(L)->count);
    return 1;
}

/* run:give_back(count): the events behind the first ones wait again, before all others. */
static int r_give_back(lua_State *L)
{
    run *r = check_run(L);
    lua_Integer count = luaL_checkinteger(L, 2);

    luaL_argcheck(L, count >= 0 && count <= r->count, 2, "the run has no such event");
    for (int i = (int)count; i < r->count; i++)
        luaL_argcheck(L, r->list[i], 2, "an event has its result");
    queue_give_back(r, (int)count);
    return 0;
}

/* run:added(from, to, position, epoch): these events lie from the position on. May raise what the
 * program raises; to be called again then, with the same. */
static int r_added(lua_State *L)
{
    run *r = check_run(L);
    int from = check_number(L, 2, r), to = check_number(L, 3, r), i = from;
    lua_Integer position = luaL_checkinteger(L, 4);
    const char *epoch = luaL_checkstring(L, 5);

    lua_settop(L, 5);
    for (; next_event(r, &i, to); i++) {
        append *a = r->list[i];
        sse_direct_result result = { .position = position + i - from, .epoch = epoch };

        if (a->direct) {
            tell_direct(L, r, i, &result);
            lua_settop(L, 5);
            continue;
        }
        push_done(L, a);
        run_drop(r, i);
        lua_pushinteger(L, result.position);
        lua_pushvalue(L, 5);
        lua_call(L, 2, 0);
    }
    return 0;
}

/* run:held(i, position, epoch, record): an event with the same dedupe value lies there. */
static int r_held(lua_State *L)
{
    run *r = check_run(L);
    int i = check_number(L, 2, r);
    sse_direct_result result = { .position = luaL_checkinteger(L, 3), .held = true };

    result.epoch = luaL_checkstring(L, 4);
    luaL_checktype(L, 5, LUA_TTABLE);
    lua_settop(L, 5);
    if (!r->list[i])
        return 0;
    if (r->list[i]->direct) {
        if (lua_getfield(L, 5, "id") == LUA_TSTRING)
            result.held_id.at = lua_tolstring(L, -1, &result.held_id.len);
        tell_direct(L, r, i, &result);
        return 0;
    }
    push_done(L, r->list[i]);
    run_drop(r, i);
    lua_insert(L, 3);
    lua_call(L, 3, 0);
    return 0;
}

/* run:fail(from, to, message, code, explained): these events that have no result have failed.
 * `explained` is the message with the page about it, for those who are told by a function. */
static int r_fail(lua_State *L)
{
    run *r = check_run(L);
    int i = check_number(L, 2, r), to = check_number(L, 3, r);
    const sse_direct_result result = { .message = luaL_checkstring(L, 4),
                                       .code = luaL_checkstring(L, 5) };

    luaL_checkstring(L, 6);
    lua_settop(L, 6);
    for (; next_event(r, &i, to); i++) {
        append *a = r->list[i];

        if (a->direct) {
            tell_direct(L, r, i, &result);
            lua_settop(L, 6);
            continue;
        }
        push_done(L, a);
        run_drop(r, i);
        lua_pushnil(L);
        lua_pushvalue(L, 6);
        lua_pushvalue(L, 5);
        lua_call(L, 3, 0);
    }
    return 0;
}

/* run:record(i) -> its texts, a table; nothing where it has its result */
static int r_record(lua_State *L)
{
    const run *r = check_run(L);
    lua_Integer i = luaL_checkinteger(L, 2);

    if (i < 1 || i > r->count || !r->list[i - 1])
        return 0;
    lua_createtable(L, 0, TEXTS);
    for (int text = 0; text < TEXTS; text++) {
        sse_slice s = append_text(r->list[i - 1], text);

        if (!s.at)
            continue;
        lua_pushlstring(L, s.at, s.len);
        lua_setfield(L, -2, text_names[text]);
    }
    return 1;
}

static int r_gc(lua_State *L)
{
    run_free(check_run(L));
    return 0;
}

/* --- classes ---------------------------------------------------------------------------------- */

static void register_class(lua_State *L, const char *name, const luaL_Reg *methods,
                           lua_CFunction gc)
{
    luaL_newmetatable(L, name);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    if (gc) {
        lua_pushcfunction(L, gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_pop(L, 1);
}

void appends_register(lua_State *L)
{
    static const luaL_Reg of_tally[] = { { "allow", t_allow },
                                         { "refuse", t_refuse },
                                         { "waiting", t_waiting },
                                         { "take_refused", t_take_refused },
                                         { NULL, NULL } };
    static const luaL_Reg of_queue[] = { { "append", q_append }, { "direct", q_direct },
                                         { "move", q_move },     { "count", q_count },
                                         { "take", q_take },     { NULL, NULL } };
    static const luaL_Reg of_run[] = { { "count", r_count }, { "give_back", r_give_back },
                                       { "added", r_added }, { "held", r_held },
                                       { "fail", r_fail },   { "record", r_record },
                                       { NULL, NULL } };

    register_class(L, TALLY, of_tally, NULL);
    register_class(L, QUEUE, of_queue, q_gc);
    register_class(L, RUN, of_run, r_gc);
    luaL_newmetatable(L, SSE_DIRECT_CLASS); /* another store may have added methods of its own */
    lua_pop(L, 1);
}
