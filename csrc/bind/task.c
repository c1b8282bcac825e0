/* task.c: tasks: coroutines that the loop resumes, and the class sse.task. lua/sse/task.lua has
 * what waits; it is told of each task that fails or that somebody waits for.
 *
 * A coroutine runs one task after the other, because making a coroutine costs more than most tasks
 * do. Between two tasks it has returned, so that nobody else can resume it. The table st->tasks,
 * whose keys are weak, has an owner for every coroutine that was made for tasks: the task's object;
 * the function or table that is told of its error; the address noted by sse_set_task_owner; true:
 * none of these; false: the task is being closed, and can't wait any more. */
#include "task.h"

#include "hint.h"
#include "unrun.h"

#define MAX_IDLE      64
#define MAX_ARGUMENTS 60000 /* of spawn: each is a user value */

/* User values: the coroutine while it runs, then the result: the value where there is one, a list
 * of several, or the error; the list of the functions that resume those who wait for the end; the
 * function and its arguments until the start. */
enum { COROUTINE = 1, RESULT = COROUTINE, WAITERS, FUNCTION };

enum task_state { NEW, STARTED, RETURNED, FAILED, CANCELLED };

typedef struct task_object {
    sse_state *st;
    sse_deferred start;
    int self;      /* anchored until it starts */
    int arguments; /* how many, without the function */
    int results;   /* how many values the function returned */
    enum task_state state;
    bool cancel_wanted; /* it ends at its next wait */
} task_object;

static const sse_class task_class;

static const char on_failed_key = 0, on_over_key = 0, on_cancel_key = 0; /* see f_set_task_events */

/* --- coroutines and their owners -------------------------------------------------------------- */

/* Pops a value and makes it the owner of the coroutine at `index`, which is absolute. */
static void set_owner(lua_State *L, const sse_state *st, int index)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, st->tasks);
    lua_pushvalue(L, index);
    lua_rotate(L, -3, -1); /* table, coroutine, owner */
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static void set_owner_flag(lua_State *L, const sse_state *st, int index, bool flag)
{
    lua_pushboolean(L, flag);
    set_owner(L, st, index);
}

/* Pushes the owner of the coroutine at `index`, nil for one that is no task's; returns its type. */
static int push_owner(lua_State *L, const sse_state *st, int index)
{
    lua_pushvalue(L, index);
    lua_rawgeti(L, LUA_REGISTRYINDEX, st->tasks);
    lua_insert(L, -2);
    lua_rawget(L, -2);
    lua_remove(L, -2);
    return lua_type(L, -1);
}

/* Pushes a coroutine without a task: an idle one, or a new one. Its owner is true. */
static lua_State *push_coroutine(lua_State *L, sse_state *st)
{
    lua_State *co = NULL;

    if (st->idle_count > 0) {
        lua_rawgeti(L, LUA_REGISTRYINDEX, st->idle);
        lua_rawgeti(L, -1, st->idle_count);
        lua_pushnil(L);
        lua_rawseti(L, -3, st->idle_count--);
        lua_remove(L, -2);
        return lua_tothread(L, -1);
    }
    co = lua_newthread(L);
    set_owner_flag(L, st, lua_gettop(L), true);
    return co;
}

/* Pops a coroutine whose task is over and whose owner is true. One with a debug hook, which the
 * task may have set, does not run other tasks. */
static void add_idle(lua_State *L, sse_state *st)
{
    lua_State *co = lua_tothread(L, -1);

    lua_settop(co, 0);
    if (st->idle_count == MAX_IDLE || lua_gethook(co)) {
        lua_pop(L, 1);
        return;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, st->idle);
    lua_insert(L, -2);
    lua_rawseti(L, -2, ++st->idle_count);
    lua_pop(L, 1);
}

/* --- running ---------------------------------------------------------------------------------- */

/* Calls the function of lua/sse/task.lua under that key with the n values on top of the stack, and
 * pops them. */
static void tell(lua_State *L, const char *key, int n)
{
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    lua_insert(L, -n - 1);
    lua_call(L, n, 0);
}

/* The task of an object ends in that state. */
static void set_over(task_object *t, enum task_state state)
{
    if (t->cancel_wanted)
        t->st->cancels_wanted--;
    t->cancel_wanted = false;
    t->state = state;
}

/* Tells those who wait for the end of the task at `index`, which is absolute. */
static void tell_waiters(lua_State *L, int index)
{
    if (lua_getiuservalue(L, index, WAITERS) == LUA_TTABLE)
        tell(L, &on_over_key, 1);
    else
        lua_pop(L, 1);
}

/* Keeps what the function returned, the n values on co's stack, in the task at `index`. */
static void keep_results(lua_State *L, int index, lua_State *co, int n)
{
    task_object *t = lua_touserdata(L, index);

    if (n == 1) {
        lua_xmove(co, L, 1);
    } else if (n > 1) {
        lua_createtable(L, n, 0);
        for (int i = n; i > 0; i--) {
            lua_xmove(co, L, 1);
            lua_rawseti(L, -2, i);
        }
    } else {
        lua_pushnil(L);
    }
    lua_setiuservalue(L, index, RESULT);
    t->results = n;
    set_over(t, RETURNED);
    tell_waiters(L, index);
}

/* The function of the coroutine on top of the stack has returned n values. Pops the coroutine. */
static void end(lua_State *L, sse_state *st, int n)
{
    int co = lua_gettop(L), type = push_owner(L, st, co);

    if (type == LUA_TUSERDATA)
        keep_results(L, co + 1, lua_tothread(L, co), n);
    lua_settop(L, co);
    if (type != LUA_TBOOLEAN)
        set_owner_flag(L, st, co, true);
    add_idle(L, st);
}

/* The coroutine on top of the stack has failed with the error on its own. Pops the coroutine. */
static void fail(lua_State *L, sse_state *st)
{
    int co = lua_gettop(L);

    push_owner(L, st, co);
    lua_xmove(lua_tothread(L, co), L, 1);
    set_owner_flag(L, st, co, false);
    tell(L, &on_failed_key, 3);
}

/* Ends the task of the coroutine on top of the stack, which waits now, where that was asked for
 * while it ran. */
static void cancel_wanted(lua_State *L, sse_state *st)
{
    int type = push_owner(L, st, lua_gettop(L));
    const task_object *t = type == LUA_TUSERDATA ? lua_touserdata(L, -1) : NULL;

    if (t && t->cancel_wanted)
        tell(L, &on_cancel_key, 1);
    else
        lua_pop(L, 1);
}

/* Resumes a coroutine with the n values on top of its stack. */
static int run_coroutine(lua_State *L, sse_state *st, lua_State *co, int n, int *results)
{
    lua_State *outer = st->task;
    int code = LUA_OK;

    st->task = co;
    code = lua_resume(co, L, n, results);
    st->task = outer;
    return code;
}

void sse_resume_task(lua_State *L, sse_state *st, int n)
{
    lua_State *co = lua_tothread(L, -1);
    int results = 0, code = run_coroutine(L, st, co, n, &results);

    if (code == LUA_OK) {
        end(L, st, results);
    } else if (code != LUA_YIELD) {
        fail(L, st);
    } else {
        lua_pop(co, results);
        if (st->cancels_wanted > 0)
            cancel_wanted(L, st);
        lua_pop(L, 1);
    }
}

bool sse_start_task(lua_State *L, sse_state *st)
{
    lua_State *co = push_coroutine(L, st);
    int results = 0, code = LUA_OK;

    lua_insert(L, -2);
    lua_xmove(L, co, 1);
    code = run_coroutine(L, st, co, 0, &results);
    if (code == LUA_YIELD) {
        lua_pop(co, results);
        return true;
    }
    if (code == LUA_OK)
        add_idle(L, st);
    else
        fail(L, st);
    return false;
}

void sse_set_task_owner(lua_State *L, sse_state *st, void *owner)
{
    int co = lua_gettop(L);

    lua_pushlightuserdata(L, owner);
    set_owner(L, st, co);
}

bool sse_is_task_of(lua_State *L, sse_state *st, const void *owner)
{
    int co = lua_gettop(L);
    bool is = lua_status(lua_tothread(L, co)) == LUA_YIELD &&
              push_owner(L, st, co) == LUA_TLIGHTUSERDATA && lua_touserdata(L, -1) == owner;

    lua_settop(L, co);
    return is;
}

/* Moves the n values on top of the stack to a coroutine's. */
static void give(lua_State *L, lua_State *co, int n)
{
    if (!lua_checkstack(co, n + LUA_MINSTACK))
        luaL_error(L, "too many arguments");
    lua_xmove(L, co, n);
}

/* start_task(on_error, fn, ...): runs fn(...) as a task, at once and until its first wait. An error
 * is passed to on_error, a function or a table; where that is nil, run() raises the error. */
static int f_start_task(lua_State *L)
{
    sse_state *st = sse_state_check(L);
    int n = lua_gettop(L) - 1;
    lua_State *co = NULL;

    if (!lua_isnil(L, 1) && !lua_istable(L, 1)) /* an owner that is a userdata is a task object */
        luaL_checktype(L, 1, LUA_TFUNCTION);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    co = push_coroutine(L, st);
    if (!lua_isnil(L, 1)) {
        lua_pushvalue(L, 1);
        set_owner(L, st, n + 2);
    }
    lua_replace(L, 1);
    give(L, co, n);
    sse_resume_task(L, st, n - 1);
    return 0;
}

/* wake_task(co, ...) -> whether the coroutine waited; it is resumed then. */
static int f_wake_task(lua_State *L)
{
    lua_State *co = lua_tothread(L, 1);
    int n = lua_gettop(L) - 1;
    bool waits = co && lua_status(co) == LUA_YIELD;

    luaL_checktype(L, 1, LUA_TTHREAD);
    if (waits) {
        give(L, co, n);
        luaL_checkstack(L, LUA_MINSTACK, NULL);
        sse_resume_task(L, sse_state_check(L), n);
    }
    lua_pushboolean(L, waits);
    return 1;
}

/* current_task() -> the calling coroutine where it runs a task, and the task's object where it has
 * one. False: it runs a task and can't yield, because C has called it: a parser's callback, a
 * finalizer. */
static int f_current_task(lua_State *L)
{
    int type = LUA_TNIL;

    lua_settop(L, 0);
    lua_pushthread(L);
    type = push_owner(L, sse_state_get(L), 1);
    if (!lua_toboolean(L, 2))
        return 0;
    if (!lua_isyieldable(L)) {
        lua_pushboolean(L, false);
        return 1;
    }
    lua_settop(L, type == LUA_TUSERDATA ? 2 : 1);
    return lua_gettop(L);
}

bool sse_is_foreign_coroutine(lua_State *L, const sse_state *st)
{
    int top = lua_gettop(L);
    bool is = false;

    lua_pushthread(L);
    is = L != st->L && push_owner(L, st, top + 1) == LUA_TNIL;
    lua_settop(L, top);
    return is;
}

/* set_task_events(on_failed, on_over, on_cancel): what is told to lua/sse/task.lua.
 *
 * - on_failed(co, owner, err): the coroutine's function raised. The coroutine is not closed yet.
 * - on_over(waiters): the task of an object has returned.
 * - on_cancel(task): a task waits whose end was asked for while it ran. */
static int f_set_task_events(lua_State *L)
{
    lua_settop(L, 3);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &on_cancel_key);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &on_over_key);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &on_failed_key);
    return 0;
}

/* --- tasks with an object --------------------------------------------------------------------- */

/* Moves the function and its arguments from the task at `index` to the coroutine. */
static void move_arguments(lua_State *L, int index, lua_State *co)
{
    const task_object *t = lua_touserdata(L, index);

    if (!lua_checkstack(co, t->arguments + LUA_MINSTACK))
        luaL_error(L, "too many arguments");
    for (int i = 0; i <= t->arguments; i++) {
        lua_getiuservalue(L, index, FUNCTION + i);
        lua_xmove(L, co, 1);
        lua_pushnil(L);
        lua_setiuservalue(L, index, FUNCTION + i);
    }
}

static int call_start(lua_State *L)
{
    task_object *t = lua_touserdata(L, 1);
    lua_State *co = NULL;

    lua_rawgeti(L, LUA_REGISTRYINDEX, t->self);
    sse_unanchor(L, &t->self);
    co = push_coroutine(L, t->st);
    lua_pushvalue(L, 2);
    set_owner(L, t->st, 3);
    if (t->state != NEW) { /* cancelled by a finalizer, which may run at any allocation */
        set_owner_flag(L, t->st, 3, true);
        add_idle(L, t->st);
        return 0;
    }
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, 2, COROUTINE);
    t->state = STARTED;
    move_arguments(L, 2, co);
    sse_resume_task(L, t->st, t->arguments);
    return 0;
}

static void on_start(void *arg)
{
    task_object *t = arg;

    sse_protect(t->st, call_start, t);
}

int sse_spawn(lua_State *L)
{
    sse_state *st = sse_state_check(L);
    int n = lua_gettop(L);
    task_object *t = NULL;

    if (!lua_isfunction(L, 1))
        return luaL_error(L, "sse.spawn: expected a function, got %s" SSE_PAGE("arguments"),
                          n > 0 ? luaL_typename(L, 1) : "nil");
    if (n > MAX_ARGUMENTS)
        return luaL_error(L, "sse.spawn: too many arguments");
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    sse_unrun_prepare(L, st);
    t = sse_class_new(L, &task_class, sizeof *t, FUNCTION - 1 + n);
    t->self = LUA_NOREF;
    t->arguments = n - 1;
    for (int i = 0; i < n; i++) {
        lua_pushvalue(L, i + 1);
        lua_setiuservalue(L, -2, FUNCTION + i);
    }
    t->st = st;
    sse_deferred_init(&t->start, on_start, t);
    sse_anchor(L, -1, &t->self);
    sse_loop_defer_first(st->loop, &t->start);
    sse_unrun_arm(L, st);
    return 1;
}

/* Whether the coroutine of the started task at index 1 can go on; the program may have closed it.
 */
static bool is_alive(lua_State *L)
{
    lua_State *co = NULL;
    lua_Debug ar;

    lua_getiuservalue(L, 1, COROUTINE);
    co = lua_tothread(L, -1);
    lua_pop(L, 1);
    return co && (lua_status(co) == LUA_YIELD || lua_getstack(co, 0, &ar));
}

/* task_over(task) -> whether it has ended */
static int f_task_over(lua_State *L)
{
    task_object *t = sse_class_check(L, 1, &task_class);

    if (t->state == STARTED && !is_alive(L))
        set_over(t, CANCELLED);
    lua_pushboolean(L, t->state != NEW && t->state != STARTED);
    return 1;
}

/* task_waiters(task) -> the list of the functions that resume those who wait for its end */
static int f_task_waiters(lua_State *L)
{
    sse_class_check(L, 1, &task_class);
    if (lua_getiuservalue(L, 1, WAITERS) == LUA_TTABLE)
        return 1;
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setiuservalue(L, 1, WAITERS);
    return 1;
}

static int push_results(lua_State *L, const task_object *t)
{
    lua_settop(L, 1);
    if (t->results == 0)
        return 0;
    lua_getiuservalue(L, 1, RESULT);
    if (t->results == 1)
        return 1;
    luaL_checkstack(L, t->results, "too many results");
    for (int i = 1; i <= t->results; i++)
        lua_rawgeti(L, 2, i);
    return t->results;
}

/* task_results(task) -> what the task returned; or nil, its error, "ECALLBACK"; or nil,
 * "cancelled", "EABORTED" */
static int f_task_results(lua_State *L)
{
    const task_object *t = sse_class_check(L, 1, &task_class);

    if (t->state == RETURNED)
        return push_results(L, t);
    lua_pushnil(L);
    if (t->state == FAILED)
        lua_getiuservalue(L, 1, RESULT);
    else
        lua_pushliteral(L, "cancelled");
    lua_pushstring(L, t->state == FAILED ? "ECALLBACK" : "EABORTED");
    return 3;
}

/* fail_task(task, err): the task has ended, its coroutine is closed */
static int f_fail_task(lua_State *L)
{
    task_object *t = sse_class_check(L, 1, &task_class);

    lua_settop(L, 2);
    lua_setiuservalue(L, 1, RESULT);
    set_over(t, FAILED);
    return 0;
}

/* The task has started: pushes its coroutine where it waits, for the Lua layer to close; where it
 * runs, it ends at its next wait. */
static int cancel_started(lua_State *L, task_object *t)
{
    lua_State *co = NULL;

    lua_settop(L, 1);
    lua_getiuservalue(L, 1, COROUTINE);
    co = lua_tothread(L, 2);
    if (co && lua_status(co) == LUA_YIELD) {
        set_over(t, CANCELLED);
        set_owner_flag(L, t->st, 2, false);
        return 1;
    }
    if (is_alive(L) && !t->cancel_wanted) {
        t->cancel_wanted = true;
        t->st->cancels_wanted++;
    }
    return 0;
}

/* cancel_task(task) -> its coroutine, where that has to be closed now */
static int f_cancel_task(lua_State *L)
{
    task_object *t = sse_class_check(L, 1, &task_class);

    if (t->state == STARTED)
        return cancel_started(L, t);
    if (t->state != NEW)
        return 0;
    sse_loop_undefer(t->st->loop, &t->start);
    sse_unanchor(L, &t->self);
    for (int i = 0; i <= t->arguments; i++) {
        lua_pushnil(L);
        lua_setiuservalue(L, 1, FUNCTION + i);
    }
    set_over(t, CANCELLED);
    return 0;
}

/* Runs only when the Lua state closes before the task has started: until then the object is
 * anchored. */
static int mm_gc(lua_State *L)
{
    task_object *t = lua_touserdata(L, 1);

    if (t->st && t->self != LUA_NOREF && t->st->loop)
        sse_loop_undefer(t->st->loop, &t->start);
    return 0;
}

static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { NULL, NULL } };
static const sse_class task_class = { .name = "sse.task", .metamethods = metamethods };

static const luaL_Reg functions[] = {
    { "start_task", f_start_task },
    { "wake_task", f_wake_task },
    { "current_task", f_current_task },
    { "set_task_events", f_set_task_events },
    { "spawn", sse_spawn },
    { "task_over", f_task_over },
    { "task_waiters", f_task_waiters },
    { "task_results", f_task_results },
    { "fail_task", f_fail_task },
    { "cancel_task", f_cancel_task },
    { NULL, NULL },
};

/* Makes a table in the registry, whose keys are weak if `weak`. Returns the reference. */
static int new_registry_table(lua_State *L, bool weak)
{
    lua_newtable(L);
    if (weak) {
        lua_createtable(L, 0, 1);
        lua_pushliteral(L, "k");
        lua_setfield(L, -2, "__mode");
        lua_setmetatable(L, -2);
    }
    return luaL_ref(L, LUA_REGISTRYINDEX);
}

void sse_open_task(lua_State *L)
{
    sse_state *st = sse_state_get(L);

    if (st->tasks == 0) {
        st->idle = new_registry_table(L, false);
        st->tasks = new_registry_table(L, true);
    }
    sse_class_register(L, &task_class);
    luaL_setfuncs(L, functions, 0);
}
