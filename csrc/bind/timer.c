/* timer.c: timers, and the class sse.timer. */
#include "timer.h"

#include <math.h>

#include "class.h"
#include "hint.h"
#include "task.h"
#include "unrun.h"

/* User values: the function; the coroutine of the last call, where that waits (`waits`). */
enum { FUNCTION = 1, WAITING, VALUES = WAITING };

typedef struct timer_object {
    sse_state *st;
    sse_timer timer;
    int self;    /* anchored while it runs */
    bool repeat; /* it fires again and again */
    bool kept;   /* it keeps the loop running */
    bool waits;  /* the last call waited when it was looked at last: of a repeating timer's tasks */
} timer_object;

static const sse_class timer_class;

static void release(timer_object *t)
{
    if (t->kept)
        sse_loop_unref(t->st->loop);
    t->kept = false;
}

static void stop(lua_State *L, timer_object *t)
{
    if (!t->st || t->self == LUA_NOREF)
        return;
    sse_timer_stop(&t->timer);
    release(t);
    sse_unanchor(L, &t->self);
}

/* Calls the function as a callback. */
static int call_timer(lua_State *L)
{
    timer_object *t = lua_touserdata(L, 1);

    sse_push_value(L, t->self, FUNCTION);
    if (!t->repeat)
        stop(L, t);
    lua_call(L, 0, 0);
    return 0;
}

static void on_timer(void *arg)
{
    timer_object *t = arg;

    sse_protect(t->st, call_timer, t);
}

/* Whether the last call of the timer at `index` still waits. */
static bool still_waits(lua_State *L, timer_object *t, int index)
{
    if (!t->waits)
        return false;
    lua_getiuservalue(L, index, WAITING);
    t->waits = sse_is_task_of(L, t->st, t);
    lua_pop(L, 1);
    return t->waits;
}

/* Notes that the call of the timer at `index` waits, and pops the call's coroutine. */
static void keep_waiting(lua_State *L, timer_object *t, int index)
{
    sse_set_task_owner(L, t->st, t);
    lua_setiuservalue(L, index, WAITING);
    t->waits = true;
}

/* Starts the function as a task, unless its last call still waits. The object stays on the stack:
 * the function may stop the timer, and nothing else may refer to it then. */
static int start_timer_task(lua_State *L)
{
    timer_object *t = lua_touserdata(L, 1);

    lua_rawgeti(L, LUA_REGISTRYINDEX, t->self);
    if (still_waits(L, t, 2))
        return 0;
    lua_getiuservalue(L, 2, FUNCTION);
    if (!t->repeat)
        stop(L, t);
    if (sse_start_task(L, t->st) && t->repeat)
        keep_waiting(L, t, 2);
    return 0;
}

static void on_task_timer(void *arg)
{
    timer_object *t = arg;

    sse_protect(t->st, start_timer_task, t);
}

static uint64_t check_ms(lua_State *L, int arg)
{
    lua_Number ms = 0;

    luaL_argexpected(L, lua_type(L, arg) != LUA_TFUNCTION, arg, "milliseconds, then the function");
    ms = luaL_checknumber(L, arg);

    luaL_argcheck(L, ms >= 0 && ms < HUGE_VAL, arg,
                  "expected milliseconds, a number >= 0" SSE_PAGE("arguments"));
    return ms > 9e15 ? (uint64_t)9e15 : (uint64_t)ceil(ms);
}

/* Makes a timer of the arguments, a time and a function. */
static int start_timer(lua_State *L, bool repeat, bool punctual, void (*on_due)(void *arg))
{
    sse_state *st = sse_state_check(L);
    uint64_t ms = check_ms(L, 1);
    timer_object *t = NULL;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    sse_unrun_prepare(L, st);
    t = sse_class_new(L, &timer_class, sizeof *t, VALUES);
    t->self = LUA_NOREF;
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, FUNCTION);
    sse_timer_init(&t->timer, st->loop, on_due, t);
    t->timer.punctual = punctual;
    t->st = st;
    t->repeat = repeat;
    sse_anchor(L, -1, &t->self);
    sse_loop_ref(st->loop);
    t->kept = true;
    if (sse_timer_start(&t->timer, ms, repeat)) {
        stop(L, t);
        return luaL_error(L, "not enough memory");
    }
    sse_unrun_arm(L, st);
    return 1;
}

/* after(ms, fn) -> a timer that runs fn as a task */
static int f_after(lua_State *L)
{
    sse_check_count(L, 2, "sse.after(ms, fn)");
    return start_timer(L, false, true, on_task_timer);
}

/* every(ms, fn) -> a timer that runs fn as a task again and again, but not while the last call
 * waits */
static int f_every(lua_State *L)
{
    sse_check_count(L, 2, "sse.every(ms, fn)");
    return start_timer(L, true, true, on_task_timer);
}

/* timer(ms, fn [, punctual]) -> a timer that calls fn as a callback, which can't wait: for the
 * library's own. One that is not punctual is called after all that has arrived was served. */
static int f_timer(lua_State *L)
{
    return start_timer(L, false, lua_toboolean(L, 3), on_timer);
}

static int m_stop(lua_State *L)
{
    timer_object *t = sse_class_check(L, 1, &timer_class);

    sse_check_count(L, 1, "timer:stop()");
    stop(L, t);
    return 0;
}

/* timer:unref(): the timer still fires while the loop runs, but no longer keeps the loop running.
 */
static int m_unref(lua_State *L)
{
    timer_object *t = sse_class_check(L, 1, &timer_class);

    sse_check_count(L, 1, "timer:unref()");
    release(t);
    return 0;
}

static int p_active(lua_State *L)
{
    timer_object *t = sse_class_check(L, 1, &timer_class);

    lua_pushboolean(L, t->self != LUA_NOREF);
    return 1;
}

static int mm_gc(lua_State *L)
{
    timer_object *t = lua_touserdata(L, 1);

    if (t->st && t->st->loop)
        stop(L, t);
    return 0;
}

static const luaL_Reg methods[] = { { "stop", m_stop }, { "unref", m_unref }, { NULL, NULL } };
static const luaL_Reg properties[] = { { "active", p_active }, { NULL, NULL } };
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { "__close", mm_gc }, { NULL, NULL } };
static const sse_class timer_class = {
    .name = "sse.timer",
    .methods = methods,
    .properties = properties,
    .metamethods = metamethods,
};

static const luaL_Reg functions[] = {
    { "after", f_after },
    { "every", f_every },
    { "timer", f_timer },
    { NULL, NULL },
};

void sse_open_timer(lua_State *L)
{
    sse_class_register(L, &timer_class);
    luaL_setfuncs(L, functions, 0);
}
