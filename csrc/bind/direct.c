#include "direct.h"

#include <stdlib.h>

#include "../wire/decimal.h"
#include "../wire/log.h"
#include "task.h"

/* A publish under way. Freed by the task that waits for it, or by on_done where the task has been
 * cancelled. */
typedef struct publish {
    sse_direct_wait wait;
    channel_object *o;
    lua_State *task;
    int task_ref; /* registry reference of the task's coroutine */
    int top;      /* of the coroutine's stack: the results come behind */
    bool is_over;
    size_t id_len; /* 0: the publisher gave no id */
    char id[];
} publish;

/* --- the store's answer ----------------------------------------------------------------------- */

static void link_wait(sse_direct_log *log, sse_direct_wait *w)
{
    w->next = log->waiting;
    w->link = &log->waiting;
    if (w->next)
        w->next->link = &w->next;
    log->waiting = w;
}

static void unlink_wait(sse_direct_wait *w)
{
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
}

/* Pushes what channel:publish returns of a failure: nil, the message with the page that explains
 * it, the code. */
static int push_failure(lua_State *L, const channel_object *o, const sse_direct_result *r)
{
    lua_pushnil(L);
    sse_push_value(L, o->publishes.self, CHANNEL_STORE);
    lua_getfield(L, -1, "explain");
    lua_remove(L, -2);
    lua_pushstring(L, r->message);
    lua_pushstring(L, r->code);
    lua_call(L, 2, 1);
    lua_pushstring(L, r->code);
    return 3;
}

/* Pushes the id that an event has by its position. */
static void push_id(lua_State *L, const sse_direct_result *r)
{
    char id[64];
    size_t len = strnlen(r->epoch, SSE_MAX_EPOCH);

    memcpy(id, r->epoch, len);
    id[len++] = '-';
    len += sse_number_write_integer(id + len, r->position);
    lua_pushlstring(L, id, len);
}

/* Pushes what channel:publish returns; returns how many values. */
static int push_results(lua_State *L, const publish *p, const sse_direct_result *r)
{
    if (r->code)
        return push_failure(L, p->o, r);
    if (r->held && r->held_id.at)
        lua_pushlstring(L, r->held_id.at, r->held_id.len);
    else if (!r->held && p->id_len > 0)
        lua_pushlstring(L, p->id, p->id_len);
    else
        push_id(L, r);
    return 1;
}

static int call_store(lua_State *L)
{
    channel_object *o = lua_touserdata(L, 1);

    sse_push_value(L, o->publishes.self, CHANNEL_STORE);
    lua_getfield(L, -1, o->publishes.call);
    lua_call(L, 0, 0);
    return 0;
}

/* Calls a function of lua/sse/store/window.lua. */
static void tell(channel_object *o, const char *function)
{
    o->publishes.call = function;
    sse_protect(o->st, call_store, o);
}

/* Counts the result, and notes the id on top of the stack as the newest event's if it is. Can't
 * raise. */
static void note_result(lua_State *L, channel_object *o, const sse_direct_result *r)
{
    sse_channel *c = o->channel;
    uint64_t position = (uint64_t)r->position;

    o->used = sse_loop_now(o->st->loop);
    if (r->code) {
        c->counters.refused++;
        return;
    }
    ++*(r->held ? &c->counters.repeated : &c->counters.published);
    if (position >= o->newest) {
        o->newest = position;
        lua_rawgeti(L, LUA_REGISTRYINDEX, o->publishes.self);
        lua_pushvalue(L, -2);
        lua_setiuservalue(L, -2, CHANNEL_LAST_ID);
        lua_pop(L, 1);
    }
}

/* One publish less is under way. The object may be collected behind this call. */
static void end_publish(lua_State *L, channel_object *o)
{
    if (--o->publishes.count > 0)
        return;
    sse_loop_unref(o->st->loop);
    if (o->channel->refusing)
        tell(o, "published");
    sse_unanchor(L, &o->publishes.self);
}

static void on_done(lua_State *L, sse_direct_wait **wait, const sse_direct_result *r)
{
    publish *p = (publish *)*wait;
    channel_object *o = p->o;
    sse_state *st = o->st;
    lua_State *task = p->task;
    int count = 0;

    luaL_checkstack(L, LUA_MINSTACK, NULL);
    if (!lua_checkstack(task, LUA_MINSTACK))
        luaL_error(L, "out of memory");
    count = push_results(L, p, r);
    *wait = NULL;
    unlink_wait(&p->wait);
    note_result(L, o, r);
    lua_rawgeti(L, LUA_REGISTRYINDEX, p->task_ref);
    luaL_unref(L, LUA_REGISTRYINDEX, p->task_ref);
    lua_insert(L, -count - 1);
    if (!r->code && !r->held && o->channel->window->loaded &&
        (uint64_t)r->position >= o->channel->log.next)
        tell(o, "behind");
    end_publish(L, o);
    if (lua_status(task) != LUA_YIELD) { /* the task has been cancelled */
        free(p);
        lua_pop(L, count + 1);
        return;
    }
    p->is_over = true;
    lua_xmove(L, task, count);
    sse_resume_task(L, st, count);
}

/* --- publishing ------------------------------------------------------------------------------- */

static void on_wake(void *arg)
{
    channel_object *o = arg;

    if (o->publishes.log->wake)
        o->publishes.log->wake(o->publishes.log);
    else
        tell(o, "wake");
}

void sse_direct_take(lua_State *L, int index, channel_object *o)
{
    sse_direct_log *log = luaL_testudata(L, index, SSE_DIRECT_CLASS);

    o->publishes.self = LUA_NOREF;
    if (!log || log->done)
        return;
    log->done = on_done;
    o->publishes.log = log;
    sse_deferred_init(&o->publishes.wake, on_wake, o);
}

bool sse_direct_is_possible(lua_State *L, const channel_object *o)
{
    return o->publishes.log && o->st->task == L && lua_isyieldable(L);
}

/* The task goes on: with the results, or because the program has resumed it itself. */
static int on_resumed(lua_State *L, int status, lua_KContext context)
{
    publish *p = (publish *)context;
    int count = lua_gettop(L) - p->top;

    (void)status;
    if (!p->is_over) {
        lua_settop(L, p->top);
        return lua_yieldk(L, 0, context, on_resumed);
    }
    free(p);
    return count;
}

/* Makes what a publish of the calling task keeps, and hands the texts to the store. Returns NULL,
 * and *failure says why, where that fails. */
static publish *begin(lua_State *L, channel_object *o, const sse_slice *texts,
                      sse_direct_result *failure)
{
    sse_direct_log *log = o->publishes.log;
    sse_slice id = texts[SSE_DIRECT_ID];
    publish *p = malloc(sizeof *p + id.len);

    *failure = (sse_direct_result){ .code = "ENOMEM", .message = "out of memory" };
    if (!p)
        return NULL;
    *p = (publish){ .o = o, .task = L, .task_ref = LUA_NOREF, .id_len = id.len };
    if (id.len > 0)
        memcpy(p->id, id.at, id.len);
    if (!log->append(log, texts, &p->wait, failure)) {
        free(p);
        return NULL;
    }
    link_wait(log, &p->wait);
    return p;
}

int sse_direct_publish(lua_State *L, channel_object *o, const sse_slice texts[SSE_DIRECT_TEXTS])
{
    sse_direct_result failure = { 0 };
    publish *p = NULL;
    int ref = LUA_NOREF, count = 0;

    luaL_checkstack(L, LUA_MINSTACK, NULL);
    sse_anchor(L, 1, &o->publishes.self);
    lua_pushthread(L);
    ref = luaL_ref(L, LUA_REGISTRYINDEX);
    p = begin(L, o, texts, &failure);
    sse_state_release(o->st, &o->st->encoded);
    if (!p) {
        luaL_unref(L, LUA_REGISTRYINDEX, ref);
        o->channel->counters.refused++;
        count = push_failure(L, o, &failure);
        if (o->publishes.count == 0)
            sse_unanchor(L, &o->publishes.self);
        return count;
    }
    p->task_ref = ref;
    p->top = lua_gettop(L);
    if (o->publishes.count++ == 0)
        sse_loop_ref(o->st->loop);
    sse_loop_defer(o->st->loop, &o->publishes.wake);
    return lua_yieldk(L, 0, (lua_KContext)p, on_resumed);
}

/* Only when the Lua state closes publishes are left: else they keep the object. */
void sse_direct_free(channel_object *o)
{
    sse_direct_log *log = o->publishes.log;

    while (log && log->waiting) {
        publish *p = (publish *)log->waiting;

        unlink_wait(&p->wait);
        free(p);
    }
    if (log && o->st->loop)
        sse_loop_undefer(o->st->loop, &o->publishes.wake);
}
