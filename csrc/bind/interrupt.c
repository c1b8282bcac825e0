/* interrupt.c: Ctrl-C: see interrupt.h.
 *
 * The hook may already be called by a callback that is running, or by a task, where calculations
 * without end are interrupted. That alone ends nothing, because there the library or the program
 * may catch the error. So the loop returns in any case, and the hook is called again. */
#include "interrupt.h"

#include <string.h>

static sse_hook get_hook(lua_State *L)
{
    return (sse_hook){ lua_gethook(L), lua_gethookmask(L), lua_gethookcount(L) };
}

static void set_hook(lua_State *L, sse_hook hook)
{
    lua_sethook(L, hook.function, hook.mask, hook.count);
}

/* Called within a signal handler. Between callbacks the hook is taken away, so that callbacks of
 * the same turn run undisturbed. Within one it is moved to the coroutine that is running. In
 * another thread's handler nothing of Lua is changed. */
static bool on_interrupt(void *arg, bool own_thread)
{
    sse_state *st = arg;
    lua_State *running = st->task ? st->task : st->L;
    sse_hook hook = get_hook(st->main);

    if (!hook.function)
        st->known_hook = hook;
    if (hook.function == st->known_hook.function)
        return false;
    st->interrupt = hook;
    if (!own_thread)
        return true;
    set_hook(st->main, st->known_hook);
    if (sse_loop_in_callback(st->loop))
        set_hook(running, hook);
    return true;
}

void sse_watch_interrupts(sse_state *st)
{
    sse_loop_set_interrupt(st->loop, on_interrupt, st);
}

/* The error that the hook raised is on top of the stack. Where a callback was interrupted before,
 * the error is replaced by that of the callback, which has the same text and tells the place. Other
 * errors that callbacks have raised meanwhile are dropped. */
static int raise_interrupt(lua_State *L, sse_state *st)
{
    int top = lua_gettop(L);

    while (sse_state_next_error(L, st)) {
        if (lua_type(L, top) == LUA_TSTRING && lua_type(L, -1) == LUA_TSTRING &&
            strstr(lua_tostring(L, -1), lua_tostring(L, top)))
            lua_copy(L, -1, top);
        lua_settop(L, top);
    }
    return lua_error(L);
}

/* Calls a Lua function that does nothing: whatever events the hook is set for, one of them occurs.
 */
static int call_lua(lua_State *L)
{
    if (luaL_loadstring(L, "return") != LUA_OK)
        return lua_error(L);
    lua_call(L, 0, 0);
    return 0;
}

bool sse_call_hook(lua_State *L, sse_state *st)
{
    sse_hook own = get_hook(L);
    bool over = false;

    if (!sse_loop_take_interrupt(st->loop, &over))
        return false;
    lua_pushcfunction(L, call_lua);
    set_hook(st->main, st->interrupt);
    if (L != st->main)
        set_hook(L, st->interrupt);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK)
        return raise_interrupt(L, st);
    if (L != st->main)
        set_hook(L, own);
    st->known_hook = get_hook(st->main);
    return !over;
}
