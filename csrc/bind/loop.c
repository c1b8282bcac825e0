/* loop.c: the loop's functions (run, turn, stop, now, running, events, report, after, every, defer,
 * signal), and the classes of a timer, a deferred call and a signal. */
#include "loop.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "class.h"
#include "hint.h"

/* --- the state -------------------------------------------------------------------------------- */

static int mm_state_gc(lua_State *L)
{
    sse_state *st = lua_touserdata(L, 1);

    sse_loop_free(st->loop);
    st->loop = NULL;
    return 0;
}

static const luaL_Reg state_metamethods[] = { { "__gc", mm_state_gc }, { NULL, NULL } };
static const sse_class state_class = { .name = "sse.state", .metamethods = state_metamethods };

static void open_state(lua_State *L)
{
    sse_state *st = NULL;
    int code = SSE_OK;

    if (sse_state_get(L))
        return;
    sse_class_register(L, &state_class);
    st = sse_class_new(L, &state_class, sizeof *st, 0);
    code = sse_loop_new(&st->loop);
    if (code)
        luaL_error(L, "cannot make the event loop: %s", sse_error_text(code));
    st->stress_gc = getenv("SSE_STRESS_GC") != NULL;
    sse_state_keep(L, st);
}

/* --- run, turn, stop -------------------------------------------------------------------------- */

/* Raises the oldest error that a callback raised and sse_report kept, if there is one. */
static void raise_kept(lua_State *L, sse_state *st)
{
    if (sse_state_next_error(L, st))
        lua_error(L);
}

static int nested(lua_State *L)
{
    return luaL_error(L, "the loop is already running: a callback can't run or pump it again; "
                         "do this in a task (sse.spawn)");
}

static int failed(lua_State *L, int code)
{
    if (code == SSE_ESTATE)
        return luaL_error(L, "the event loop can't go on in this forked process");
    return luaL_error(L, "the event loop failed: %s", sse_error_text(code));
}

static const char spawn_key = 0; /* its address is the registry key of set_spawn's function */

/* Calls the function given to set_spawn with run's arguments, a function and its arguments, and
 * takes them off the stack. Without arguments does nothing. */
static void spawn_arguments(lua_State *L)
{
    if (lua_gettop(L) == 0 || (lua_gettop(L) == 1 && lua_isnil(L, 1)))
        return;
    if (!lua_isfunction(L, 1))
        luaL_error(L, "sse.run: expected a function, got a %s", luaL_typename(L, 1));
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &spawn_key) != LUA_TFUNCTION)
        luaL_error(L, "sse.run: no function that starts tasks was set");
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 0);
}

static int f_set_spawn(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &spawn_key);
    return 0;
}

/* run([fn, ...]): runs the loop; with a function, starts it before as a task with the arguments. */
static int f_run(lua_State *L)
{
    sse_state *st = sse_state_check(L);
    lua_State *outer = st->L;
    int code = SSE_OK;

    if (sse_loop_running(st->loop))
        return nested(L);
    raise_kept(L, st);
    spawn_arguments(L);
    st->L = L;
    code = sse_loop_run(st->loop);
    st->L = outer;
    raise_kept(L, st);
    return code ? failed(L, code) : 0;
}

static int f_turn(lua_State *L)
{
    sse_state *st = sse_state_check(L);
    lua_State *outer = st->L;
    bool kept = false;
    int code = SSE_OK;

    if (sse_loop_running(st->loop))
        return nested(L);
    raise_kept(L, st);
    st->L = L;
    code = sse_loop_turn(st->loop, &kept);
    st->L = outer;
    raise_kept(L, st);
    if (code)
        return failed(L, code);
    lua_pushboolean(L, kept);
    return 1;
}

static int f_stop(lua_State *L)
{
    sse_check_count(L, 0, "sse.stop()");
    sse_loop_stop(sse_state_check(L)->loop);
    return 0;
}

static int f_now(lua_State *L)
{
    sse_check_count(L, 0, "sse.now()");
    lua_pushinteger(L, (lua_Integer)sse_loop_now(sse_state_check(L)->loop));
    return 1;
}

static int f_running(lua_State *L)
{
    lua_pushboolean(L, sse_loop_running(sse_state_check(L)->loop));
    return 1;
}

/* events() -> how many libevent events the loop holds. For the specs and the soak test. */
static int f_events(lua_State *L)
{
    lua_pushinteger(L, sse_loop_events(sse_state_check(L)->loop));
    return 1;
}

static int f_report(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    sse_report(sse_state_check(L), L);
    return 0;
}

/* --- timers ----------------------------------------------------------------------------------- */

typedef struct timer_object {
    sse_state *st;
    sse_timer timer;
    int self;    /* anchored while it runs */
    bool repeat; /* it fires again and again */
    bool kept;   /* it keeps the loop running */
} timer_object;

static const sse_class timer_class;

static void timer_release(timer_object *t)
{
    if (t->kept)
        sse_loop_unref(t->st->loop);
    t->kept = false;
}

static void timer_stop(lua_State *L, timer_object *t)
{
    if (!t->st || t->self == LUA_NOREF)
        return;
    sse_timer_stop(&t->timer);
    timer_release(t);
    sse_unanchor(L, &t->self);
}

static int call_timer(lua_State *L)
{
    timer_object *t = lua_touserdata(L, 1);

    sse_push_value(L, t->self, 1);
    if (!t->repeat)
        timer_stop(L, t);
    lua_call(L, 0, 0);
    return 0;
}

static void on_timer(void *arg)
{
    timer_object *t = arg;

    sse_protect(t->st, call_timer, t);
}

static uint64_t check_ms(lua_State *L, int arg)
{
    lua_Number ms = luaL_checknumber(L, arg);

    luaL_argcheck(L, ms >= 0 && ms < HUGE_VAL, arg, "expected milliseconds, a number >= 0");
    return ms > 9e15 ? (uint64_t)9e15 : (uint64_t)ceil(ms);
}

static int start_timer(lua_State *L, bool repeat)
{
    sse_state *st = sse_state_check(L);
    uint64_t ms = check_ms(L, 1);
    timer_object *t = NULL;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    t = sse_class_new(L, &timer_class, sizeof *t, 1);
    t->self = LUA_NOREF;
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, 1);
    sse_timer_init(&t->timer, st->loop, on_timer, t);
    t->st = st;
    t->repeat = repeat;
    sse_anchor(L, -1, &t->self);
    sse_loop_ref(st->loop);
    t->kept = true;
    if (sse_timer_start(&t->timer, ms, repeat)) {
        timer_stop(L, t);
        return luaL_error(L, "not enough memory");
    }
    return 1;
}

static int f_after(lua_State *L)
{
    sse_check_count(L, 2, "sse.after(ms, fn)");
    return start_timer(L, false);
}

static int f_every(lua_State *L)
{
    sse_check_count(L, 2, "sse.every(ms, fn)");
    return start_timer(L, true);
}

static int m_timer_stop(lua_State *L)
{
    timer_object *t = sse_class_check(L, 1, &timer_class);

    sse_check_count(L, 1, "timer:stop()");
    timer_stop(L, t);
    return 0;
}

/* timer:unref(): the timer still fires while the loop runs, but no longer keeps the loop running.
 */
static int m_timer_unref(lua_State *L)
{
    timer_object *t = sse_class_check(L, 1, &timer_class);

    sse_check_count(L, 1, "timer:unref()");
    timer_release(t);
    return 0;
}

static int p_timer_active(lua_State *L)
{
    timer_object *t = sse_class_check(L, 1, &timer_class);

    lua_pushboolean(L, t->self != LUA_NOREF);
    return 1;
}

/* --- deferred calls --------------------------------------------------------------------------- */

typedef struct deferred_object {
    sse_state *st;
    sse_deferred deferred;
    int self;
} deferred_object;

static const sse_class deferred_class;

static int call_deferred(lua_State *L)
{
    deferred_object *d = lua_touserdata(L, 1);

    sse_push_value(L, d->self, 1);
    sse_unanchor(L, &d->self);
    lua_call(L, 0, 0);
    return 0;
}

static void on_deferred(void *arg)
{
    deferred_object *d = arg;

    sse_protect(d->st, call_deferred, d);
}

static int f_defer(lua_State *L)
{
    sse_state *st = sse_state_check(L);
    deferred_object *d = NULL;

    luaL_checkany(L, 1);
    d = sse_class_new(L, &deferred_class, sizeof *d, 1);
    d->self = LUA_NOREF;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    d->st = st;
    sse_deferred_init(&d->deferred, on_deferred, d);
    sse_anchor(L, -1, &d->self);
    sse_loop_defer(st->loop, &d->deferred);
    return 0;
}

/* Runs only when the Lua state closes while the call is still queued: until then the object is
 * anchored. */
static int mm_deferred_gc(lua_State *L)
{
    deferred_object *d = lua_touserdata(L, 1);

    if (d->st && d->self != LUA_NOREF && d->st->loop)
        sse_loop_undefer(d->st->loop, &d->deferred);
    return 0;
}

/* --- signals ---------------------------------------------------------------------------------- */

typedef struct signal_object {
    sse_state *st;
    sse_signal signal;
    int self;
} signal_object;

static const sse_class signal_class;

static const struct {
    const char *name;
    int number;
} signal_names[] = {
    { "SIGHUP", SIGHUP },     { "SIGINT", SIGINT },   { "SIGQUIT", SIGQUIT },
    { "SIGTERM", SIGTERM },   { "SIGUSR1", SIGUSR1 }, { "SIGUSR2", SIGUSR2 },
    { "SIGWINCH", SIGWINCH },
};

static int check_signal(lua_State *L, int arg)
{
    const char *name = luaL_checkstring(L, arg);

    for (size_t i = 0; i < sizeof signal_names / sizeof signal_names[0]; i++)
        if (!strcmp(name, signal_names[i].name) || !strcmp(name, signal_names[i].name + 3))
            return signal_names[i].number;
    return luaL_argerror(L, arg,
                         lua_pushfstring(L,
                                         "unknown signal '%s': expected SIGINT, SIGTERM, SIGHUP, "
                                         "SIGQUIT, SIGUSR1, SIGUSR2 or SIGWINCH",
                                         name));
}

static void signal_stop(lua_State *L, signal_object *s)
{
    if (!s->st || s->self == LUA_NOREF)
        return;
    sse_signal_stop(&s->signal);
    sse_unanchor(L, &s->self);
}

static int call_signal(lua_State *L)
{
    signal_object *s = lua_touserdata(L, 1);

    sse_push_value(L, s->self, 1);
    lua_call(L, 0, 0);
    return 0;
}

static void on_signal(void *arg)
{
    signal_object *s = arg;

    sse_protect(s->st, call_signal, s);
}

static int f_signal(lua_State *L)
{
    sse_state *st = sse_state_check(L);
    int number = check_signal(L, 1);
    signal_object *s = NULL;
    int code = SSE_OK;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    sse_check_count(L, 2, "sse.signal(name, fn)");
    s = sse_class_new(L, &signal_class, sizeof *s, 1);
    s->self = LUA_NOREF;
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, 1);
    sse_anchor(L, -1, &s->self);
    code = sse_signal_start(&s->signal, st->loop, number, on_signal, s);
    if (code)
        sse_unanchor(L, &s->self);
    if (code == SSE_EBUSY)
        return luaL_error(L, "sse.signal: another Lua state of this process watches signals, and "
                             "only one can: stop its signals first");
    if (code)
        return luaL_error(L, "cannot watch signal '%s'", lua_tostring(L, 1));
    s->st = st;
    return 1;
}

static int m_signal_stop(lua_State *L)
{
    signal_object *s = sse_class_check(L, 1, &signal_class);

    sse_check_count(L, 1, "signal:stop()");
    signal_stop(L, s);
    return 0;
}

/* --- tables ----------------------------------------------------------------------------------- */

static int mm_timer_gc(lua_State *L)
{
    timer_object *t = lua_touserdata(L, 1);

    if (t->st && t->st->loop)
        timer_stop(L, t);
    return 0;
}

static int mm_signal_gc(lua_State *L)
{
    signal_object *s = lua_touserdata(L, 1);

    if (s->st && s->st->loop)
        signal_stop(L, s);
    return 0;
}

static const luaL_Reg timer_methods[] = { { "stop", m_timer_stop },
                                          { "unref", m_timer_unref },
                                          { NULL, NULL } };
static const luaL_Reg timer_properties[] = { { "active", p_timer_active }, { NULL, NULL } };
static const luaL_Reg timer_metamethods[] = { { "__gc", mm_timer_gc },
                                              { "__close", mm_timer_gc },
                                              { NULL, NULL } };
static const sse_class timer_class = {
    "sse.timer", timer_methods, timer_properties, timer_metamethods, NULL,
};

static const luaL_Reg deferred_metamethods[] = { { "__gc", mm_deferred_gc }, { NULL, NULL } };
static const sse_class deferred_class = { .name = "sse.deferred",
                                          .metamethods = deferred_metamethods };

static const luaL_Reg signal_methods[] = { { "stop", m_signal_stop }, { NULL, NULL } };
static const luaL_Reg signal_metamethods[] = { { "__gc", mm_signal_gc },
                                               { "__close", mm_signal_gc },
                                               { NULL, NULL } };
static const sse_class signal_class = {
    "sse.signal", signal_methods, NULL, signal_metamethods, NULL,
};

static const luaL_Reg functions[] = {
    { "run", f_run },       { "turn", f_turn },           { "stop", f_stop },
    { "now", f_now },       { "set_spawn", f_set_spawn }, { "running", f_running },
    { "report", f_report }, { "after", f_after },         { "every", f_every },
    { "defer", f_defer },   { "signal", f_signal },       { "events", f_events },
    { NULL, NULL },
};

void sse_open_loop(lua_State *L)
{
    open_state(L);
    sse_class_register(L, &timer_class);
    sse_class_register(L, &deferred_class);
    sse_class_register(L, &signal_class);
    luaL_setfuncs(L, functions, 0);
}
