/* signals.c: signals, and the class sse.signal. */
#include "signals.h"

#include <signal.h>
#include <string.h>

#include "class.h"
#include "hint.h"
#include "task.h"

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
    return luaL_argerror(
        L, arg,
        lua_pushfstring(L,
                        "unknown signal '%s': expected SIGINT, SIGTERM, SIGHUP, "
                        "SIGQUIT, SIGUSR1, SIGUSR2 or SIGWINCH" SSE_PAGE("arguments"),
                        name));
}

static void stop(lua_State *L, signal_object *s)
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
    sse_start_task(L, s->st);
    return 0;
}

static void on_signal(void *arg)
{
    signal_object *s = arg;

    sse_protect(s->st, call_signal, s);
}

/* signal(name, fn) -> a signal: fn runs as a task each time the process gets it */
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

static int m_stop(lua_State *L)
{
    signal_object *s = sse_class_check(L, 1, &signal_class);

    sse_check_count(L, 1, "signal:stop()");
    stop(L, s);
    return 0;
}

static int mm_gc(lua_State *L)
{
    signal_object *s = lua_touserdata(L, 1);

    if (s->st && s->st->loop)
        stop(L, s);
    return 0;
}

static const luaL_Reg methods[] = { { "stop", m_stop }, { NULL, NULL } };
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { "__close", mm_gc }, { NULL, NULL } };
static const sse_class signal_class = {
    .name = "sse.signal",
    .methods = methods,
    .metamethods = metamethods,
};

static const luaL_Reg functions[] = { { "signal", f_signal }, { NULL, NULL } };

void sse_open_signal(lua_State *L)
{
    sse_class_register(L, &signal_class);
    luaL_setfuncs(L, functions, 0);
}
