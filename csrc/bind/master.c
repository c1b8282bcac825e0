#include "master.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../base/heap.h"
#include "../base/master.h"
#include "../tls/shared_tickets.h"
#include "class.h"

enum { MOST_SIGNALS = 64 };

static const struct {
    const char *name;
    int number;
} signal_names[] = {
    { "SIGTERM", SIGTERM }, { "SIGINT", SIGINT },   { "SIGHUP", SIGHUP },   { "SIGCHLD", SIGCHLD },
    { "SIGKILL", SIGKILL }, { "SIGQUIT", SIGQUIT }, { "SIGABRT", SIGABRT }, { "SIGSEGV", SIGSEGV },
    { "SIGBUS", SIGBUS },   { "SIGFPE", SIGFPE },   { "SIGILL", SIGILL },   { "SIGPIPE", SIGPIPE },
    { "SIGALRM", SIGALRM }, { "SIGUSR1", SIGUSR1 }, { "SIGUSR2", SIGUSR2 }, { "SIGTRAP", SIGTRAP },
    { "SIGSYS", SIGSYS },   { "SIGXCPU", SIGXCPU }, { "SIGXFSZ", SIGXFSZ },
};

static void push_signal_name(lua_State *L, int number)
{
    for (size_t i = 0; i < sizeof signal_names / sizeof signal_names[0]; i++) {
        if (signal_names[i].number == number) {
            lua_pushstring(L, signal_names[i].name);
            return;
        }
    }
    lua_pushfstring(L, "signal %d", number);
}

static int check_signal(lua_State *L, int arg)
{
    const char *name = luaL_checkstring(L, arg);

    for (size_t i = 0; i < sizeof signal_names / sizeof signal_names[0]; i++)
        if (!strcmp(name, signal_names[i].name))
            return signal_names[i].number;
    return luaL_argerror(L, arg, "unknown signal");
}

static int fail_by_errno(lua_State *L)
{
    return sse_fail(L, errno == ENOMEM ? SSE_ENOMEM : SSE_ESYS, strerror(errno));
}

/* --- the master ------------------------------------------------------------------------------- */

/* master_begin() -> true, or nil, message, code */
static int f_begin(lua_State *L)
{
    int code = sse_master_begin();

    if (code)
        return sse_fail(L, code, NULL);
    lua_pushboolean(L, true);
    return 1;
}

static int f_end(lua_State *L)
{
    (void)L;
    sse_master_end();
    return 0;
}

/* master_wait(ms, fds) -> a list of names of signals, and a set of those of the list of descriptors
 * that can be read. ms nil: without limit. */
static int f_wait(lua_State *L)
{
    int ms = (int)luaL_optinteger(L, 1, -1), numbers[MOST_SIGNALS];
    size_t count = 0, signals = 0;
    struct pollfd *fds = NULL;

    luaL_checktype(L, 2, LUA_TTABLE);
    if (!sse_master_is_begun())
        return luaL_error(L, "there is no master");
    count = (size_t)lua_rawlen(L, 2);
    fds = lua_newuserdatauv(L, (count + 1) * sizeof *fds, 0);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, 2, (lua_Integer)i + 1);
        fds[i] = (struct pollfd){ .fd = (int)luaL_checkinteger(L, -1), .events = POLLIN };
        lua_pop(L, 1);
    }
    signals = sse_master_wait(fds, count, ms, numbers, MOST_SIGNALS);
    lua_createtable(L, (int)signals, 0);
    for (size_t i = 0; i < signals; i++) {
        push_signal_name(L, numbers[i]);
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
    lua_newtable(L);
    for (size_t i = 0; i < count; i++) {
        lua_pushboolean(L, fds[i].revents != 0);
        lua_rawseti(L, -2, fds[i].fd);
    }
    return 2;
}

/* master_say(text): to standard error, what of it can be written without waiting */
static int f_say(lua_State *L)
{
    size_t len = 0;
    const char *text = luaL_checklstring(L, 1, &len);

    sse_master_say(text, len);
    return 0;
}

/* fork() -> 0 in the child, its id in the master; or nil, message, code */
static int f_fork(lua_State *L)
{
    pid_t pid = 0;

    sse_heap_settle();
    pid = sse_master_fork();
    if (pid < 0)
        return fail_by_errno(L);
    lua_pushinteger(L, (lua_Integer)pid);
    return 1;
}

/* reap(id) -> the id of a child that has ended (id -1: of any), then "exit" and its status, or
 * "signal" and the signal's name; nil where it runs */
static int f_reap(lua_State *L)
{
    int status = 0;
    pid_t pid = sse_master_reap((pid_t)luaL_checkinteger(L, 1), &status);

    if (pid == 0)
        return 0;
    lua_pushinteger(L, (lua_Integer)pid);
    if (WIFSIGNALED(status)) {
        lua_pushstring(L, "signal");
        push_signal_name(L, WTERMSIG(status));
    } else {
        lua_pushstring(L, "exit");
        lua_pushinteger(L, WEXITSTATUS(status));
    }
    return 3;
}

/* kill(id, name): sends a signal; a process that has ended is left alone. */
static int f_kill(lua_State *L)
{
    kill((pid_t)luaL_checkinteger(L, 1), check_signal(L, 2));
    return 0;
}

/* share_tickets() -> true, or nil, message, code: the keys of TLS tickets that this process makes
 * are also those of its children. */
static int f_share_tickets(lua_State *L)
{
    int code = sse_shared_tickets_make();

    if (code)
        return sse_fail(L, code, NULL);
    lua_pushboolean(L, true);
    return 1;
}

static int f_rotate_tickets(lua_State *L)
{
    (void)L;
    sse_shared_tickets_rotate();
    return 0;
}

static int f_drop_tickets(lua_State *L)
{
    (void)L;
    sse_shared_tickets_drop();
    return 0;
}

static int f_process_id(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)getpid());
    return 1;
}

static int f_processors(lua_State *L)
{
    lua_pushinteger(L, sse_processors());
    return 1;
}

static const luaL_Reg functions[] = { { "master_begin", f_begin },
                                      { "master_end", f_end },
                                      { "master_wait", f_wait },
                                      { "master_say", f_say },
                                      { "fork", f_fork },
                                      { "reap", f_reap },
                                      { "kill", f_kill },
                                      { "share_tickets", f_share_tickets },
                                      { "rotate_tickets", f_rotate_tickets },
                                      { "drop_tickets", f_drop_tickets },
                                      { "process_id", f_process_id },
                                      { "processors", f_processors },
                                      { NULL, NULL } };

void sse_open_master(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
    lua_pushboolean(L, SSE_HAS_FORK);
    lua_setfield(L, -2, "has_fork");
}
