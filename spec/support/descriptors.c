/* descriptors.c: file descriptors for specs: pipes, pseudo-terminals, reading and writing. */
#define _GNU_SOURCE /* posix_openpt */
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

__attribute__((visibility("default"))) int luaopen_spec_descriptors(lua_State *L);

static int failed(lua_State *L, const char *what)
{
    return luaL_error(L, "%s: %s", what, strerror(errno));
}

static int push_both(lua_State *L, int first, int second)
{
    fcntl(first, F_SETFL, O_NONBLOCK);
    fcntl(second, F_SETFL, O_NONBLOCK);
    lua_pushinteger(L, first);
    lua_pushinteger(L, second);
    return 2;
}

/* pipe() -> the end to read, the end to write */
static int f_pipe(lua_State *L)
{
    int ends[2] = { -1, -1 };

    if (pipe(ends))
        return failed(L, "pipe");
    return push_both(L, ends[0], ends[1]);
}

/* pty() -> what a terminal's program sees, what its user sees */
static int f_pty(lua_State *L)
{
    int user = posix_openpt(O_RDWR | O_NOCTTY), program = -1;

    if (user < 0 || grantpt(user) || unlockpt(user))
        return failed(L, "pty");
    program = open(ptsname(user), O_RDWR | O_NOCTTY);
    if (program < 0)
        return failed(L, "pty");
    return push_both(L, program, user);
}

/* In a child: makes the terminal of that name the one that the program runs on, and executes it. */
static void execute(const char *terminal, char *const *arguments)
{
    int fd = -1;

    signal(SIGINT, SIG_DFL); /* it may be ignored here */
    setsid();
    fd = open(terminal, O_RDWR);
    ioctl(fd, TIOCSCTTY, 0);
    for (int i = 0; i < 3; i++)
        dup2(fd, i);
    if (fd > 2)
        close(fd);
    execvp(arguments[0], arguments);
    _exit(127);
}

/* spawn(program, argument, ...) -> the id of a process on a terminal of its own, what the
 * terminal's user sees */
static int f_spawn(lua_State *L)
{
    char *arguments[16] = { NULL }, name[128] = "";
    int user = posix_openpt(O_RDWR | O_NOCTTY);
    pid_t id = 0;

    luaL_argcheck(L, lua_gettop(L) < 16, 16, "too many arguments");
    for (int i = 1; i <= lua_gettop(L); i++)
        arguments[i - 1] = (char *)luaL_checkstring(L, i);
    if (user < 0 || grantpt(user) || unlockpt(user))
        return failed(L, "spawn");
    strncpy(name, ptsname(user), sizeof name - 1);
    fcntl(user, F_SETFD, FD_CLOEXEC);
    fcntl(user, F_SETFL, O_NONBLOCK);
    id = fork();
    if (id == 0)
        execute(name, arguments);
    if (id < 0)
        return failed(L, "fork");
    lua_pushinteger(L, id);
    lua_pushinteger(L, user);
    return 2;
}

/* open(path) -> a descriptor */
static int f_open(lua_State *L)
{
    int fd = open(luaL_checkstring(L, 1), O_RDWR);

    if (fd < 0)
        return failed(L, "open");
    lua_pushinteger(L, fd);
    return 1;
}

/* read(fd) -> what can be read at once; nil where that is nothing */
static int f_read(lua_State *L)
{
    char bytes[65536];
    ssize_t n = read((int)luaL_checkinteger(L, 1), bytes, sizeof bytes);

    if (n < 0)
        return 0;
    lua_pushlstring(L, bytes, (size_t)n);
    return 1;
}

/* write(fd, bytes) -> how many were taken; nil where that is none */
static int f_write(lua_State *L)
{
    size_t len = 0;
    const char *bytes = luaL_checklstring(L, 2, &len);
    ssize_t n = write((int)luaL_checkinteger(L, 1), bytes, len);

    if (n < 0)
        return 0;
    lua_pushinteger(L, n);
    return 1;
}

/* close(fd, ...) */
static int f_close(lua_State *L)
{
    for (int i = 1; i <= lua_gettop(L); i++)
        close((int)luaL_checkinteger(L, i));
    return 0;
}

static const luaL_Reg functions[] = {
    { "pipe", f_pipe }, { "pty", f_pty },     { "spawn", f_spawn }, { "open", f_open },
    { "read", f_read }, { "write", f_write }, { "close", f_close },
    { NULL, NULL },
};

int luaopen_spec_descriptors(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
