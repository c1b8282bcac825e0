/* loop.c: the loop's functions (run, turn, stop, now, running, events, report, defer), and the
 * class of a deferred call. */
#include "loop.h"

#include <stdlib.h>

#include "../base/process.h"
#include "class.h"
#include "hint.h"
#include "interrupt.h"
#include "task.h"
#include "unrun.h"

/* --- the state -------------------------------------------------------------------------------- */

static int mm_state_gc(lua_State *L)
{
    sse_state *st = lua_touserdata(L, 1);

    sse_loop_free(st->loop);
    st->loop = NULL;
    sse_buffer_free(&st->json);
    sse_buffer_free(&st->encoded);
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
    sse_buffer_init(&st->json, SIZE_MAX);
    sse_buffer_init(&st->encoded, SIZE_MAX);
    code = sse_loop_new(&st->loop);
    if (code)
        luaL_error(L, "cannot make the event loop: %s", sse_error_text(code));
    st->stress_gc = getenv("SSE_STRESS_GC") != NULL;
    sse_state_keep(L, st);
    sse_watch_interrupts(st);
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
                         "do this in a task (sse.spawn)" SSE_PAGE("waiting"));
}

static int failed(lua_State *L, int code)
{
    if (code == SSE_ESTATE)
        return luaL_error(L, "the event loop can't go on in this forked process");
    return luaL_error(L, "the event loop failed: %s", sse_error_text(code));
}

/* Whether the value is the module `sse`, which "sse:run()" gives as the first argument. */
static bool is_module(lua_State *L, int index)
{
    bool is = false;

    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_getfield(L, -1, "sse");
    is = lua_rawequal(L, index, -1);
    lua_pop(L, 2);
    return is;
}

/* Starts a task with run's arguments, a function and its arguments, and takes them off the stack.
 * Without arguments does nothing. */
static void spawn_arguments(lua_State *L)
{
    if (lua_gettop(L) == 0 || (lua_gettop(L) == 1 && lua_isnil(L, 1)))
        return;
    if (!lua_isfunction(L, 1))
        luaL_error(L, "sse.run: expected a function, got a %s%s" SSE_PAGE("arguments"),
                   luaL_typename(L, 1), is_module(L, 1) ? " (call it with '.': sse.run())" : "");
    lua_pushcfunction(L, sse_spawn);
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 0);
}

/* run([fn, ...]): runs the loop; with a function, starts it before as a task with the arguments. */
static int f_run(lua_State *L)
{
    sse_state *st = sse_state_check(L);
    lua_State *outer = st->L;
    bool over = false;
    int code = SSE_OK;

    if (sse_loop_running(st->loop))
        return nested(L);
    raise_kept(L, st);
    spawn_arguments(L);
    while (!code && !over) {
        st->L = L;
        code = sse_loop_run(st->loop);
        st->L = outer;
        over = !sse_call_hook(L, st);
        raise_kept(L, st);
    }
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
    sse_call_hook(L, st);
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

/* seen() -> for a timer that judges a silence: the time up to which all that arrived was read */
static int f_seen(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)sse_loop_seen(sse_state_check(L)->loop));
    return 1;
}

/* running() -> whether the loop runs, and whether the calling coroutine is one of the program's
 * own, neither a task nor the one that runs the loop */
static int f_running(lua_State *L)
{
    sse_state *st = sse_state_check(L);

    lua_pushboolean(L, sse_loop_running(st->loop));
    lua_pushboolean(L, sse_is_foreign_coroutine(L, st));
    return 2;
}

/* events() -> how many libevent events the loop holds. For the specs and the soak test. */
static int f_events(lua_State *L)
{
    lua_pushinteger(L, sse_loop_events(sse_state_check(L)->loop));
    return 1;
}

/* kept() -> whether something keeps the loop running, or would */
static int f_kept(lua_State *L)
{
    lua_pushboolean(L, sse_loop_kept(sse_state_check(L)->loop));
    return 1;
}

/* watches_signals() -> whether any loop of the process watches signals */
static int f_watches_signals(lua_State *L)
{
    lua_pushboolean(L, sse_process_watches_signals());
    return 1;
}

static int f_report(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_settop(L, 1);
    sse_report(sse_state_check(L), L);
    return 0;
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
    sse_unrun_prepare(L, st);
    d = sse_class_new(L, &deferred_class, sizeof *d, 1);
    d->self = LUA_NOREF;
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    d->st = st;
    sse_deferred_init(&d->deferred, on_deferred, d);
    sse_anchor(L, -1, &d->self);
    sse_loop_defer(st->loop, &d->deferred);
    sse_unrun_arm(L, st);
    return 0;
}

/* keep_left(): a program that closes something outside of the loop has not forgotten to run it. */
static int f_keep_left(lua_State *L)
{
    sse_state *st = sse_state_check(L);

    if (!sse_loop_running(st->loop))
        sse_loop_keep_left(st->loop);
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

/* --- tables ----------------------------------------------------------------------------------- */

static const luaL_Reg deferred_metamethods[] = { { "__gc", mm_deferred_gc }, { NULL, NULL } };
static const sse_class deferred_class = { .name = "sse.deferred",
                                          .metamethods = deferred_metamethods };

static const luaL_Reg functions[] = {
    { "run", f_run },       { "turn", f_turn },   { "stop", f_stop },
    { "now", f_now },       { "seen", f_seen },   { "running", f_running },
    { "report", f_report }, { "defer", f_defer }, { "keep_left", f_keep_left },
    { "events", f_events }, { "kept", f_kept },   { "watches_signals", f_watches_signals },
    { NULL, NULL },
};

void sse_open_loop(lua_State *L)
{
    open_state(L);
    sse_class_register(L, &deferred_class);
    luaL_setfuncs(L, functions, 0);
}
