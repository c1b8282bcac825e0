/* process.c: what specs of processes need and Lua lacks: fork, wait, the disposition of a
 * signal, a second Lua state. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((visibility("default"))) int luaopen_spec_process(lua_State *L);

/* fork() -> 0 in the child, its id in the parent */
static int f_fork(lua_State *L)
{
    pid_t id = 0;

    fflush(NULL); /* so that the child does not write it again */
    id = fork();
    if (id < 0)
        return luaL_error(L, "fork failed");
    if (id == 0)
        alarm(120); /* ends a child that hangs */
    lua_pushinteger(L, id);
    return 1;
}

/* exit(code): ends the process at once, without closing the Lua state. */
static int f_exit(lua_State *L)
{
    _exit((int)luaL_checkinteger(L, 1));
}

/* ended(id) -> nil while the process runs, then its exit status, or minus the signal that ended
 * it */
static int f_ended(lua_State *L)
{
    int status = 0;
    pid_t got = waitpid((pid_t)luaL_checkinteger(L, 1), &status, WNOHANG);

    if (got < 0)
        return luaL_error(L, "no such child");
    if (got == 0)
        return 0;
    lua_pushinteger(L, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    return 1;
}

/* sigpipe() -> "default", "ignored" or "handled" */
static int f_sigpipe(lua_State *L)
{
    struct sigaction now = { .sa_handler = SIG_DFL };

    sigaction(SIGPIPE, NULL, &now);
    lua_pushstring(L, now.sa_handler == SIG_DFL   ? "default"
                      : now.sa_handler == SIG_IGN ? "ignored"
                                                  : "handled");
    return 1;
}

/* set_sigpipe(ignored) */
static int f_set_sigpipe(lua_State *L)
{
    signal(SIGPIPE, lua_toboolean(L, 1) ? SIG_IGN : SIG_DFL);
    return 0;
}

/* peak() -> the most bytes of memory that the process has had */
static int f_peak(lua_State *L)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
    lua_pushinteger(L, (lua_Integer)usage.ru_maxrss);
#else
    lua_pushinteger(L, (lua_Integer)usage.ru_maxrss << 10);
#endif
    return 1;
}

static void copy_path(lua_State *from, lua_State *to, const char *name)
{
    lua_getglobal(from, "package");
    lua_getfield(from, -1, name);
    lua_getglobal(to, "package");
    lua_pushstring(to, lua_tostring(from, -1));
    lua_setfield(to, -2, name);
    lua_pop(to, 1);
    lua_pop(from, 2);
}

/* state(text) -> the chunk's value in a new Lua state, as a string; or nil and the error */
static int f_state(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    lua_State *other = luaL_newstate();
    int failed = 0;

    if (!other)
        return luaL_error(L, "no memory for another Lua state");
    luaL_openlibs(other);
    copy_path(L, other, "path");
    copy_path(L, other, "cpath");
    failed = luaL_dostring(other, text);
    if (failed)
        lua_pushnil(L);
    lua_pushstring(L, lua_gettop(other) > 0 ? luaL_tolstring(other, -1, NULL) : NULL);
    lua_close(other);
    return failed ? 2 : 1;
}

static const luaL_Reg functions[] = {
    { "fork", f_fork },       { "exit", f_exit },   { "ended", f_ended },
    { "sigpipe", f_sigpipe }, { "state", f_state }, { "set_sigpipe", f_set_sigpipe },
    { "peak", f_peak },       { NULL, NULL },
};

int luaopen_spec_process(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
