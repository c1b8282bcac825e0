/* sends.c: a library to preload, which counts the process's calls of sendmsg, so that specs can
 * show how often full sockets are tried. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <lauxlib.h>
#include <lua.h>
#include <sys/socket.h>

#define PUBLIC __attribute__((visibility("default")))

PUBLIC ssize_t sendmsg(int fd, const struct msghdr *message, int flags);
PUBLIC int luaopen_spec_sends(lua_State *L);

static long calls;

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    static ssize_t (*real)(int, const struct msghdr *, int);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "sendmsg");
    calls++;
    return real(fd, message, flags);
}

static int f_count(lua_State *L)
{
    lua_pushinteger(L, calls);
    return 1;
}

/* require "spec.sends" -> a function that gives the number of calls so far. */
int luaopen_spec_sends(lua_State *L)
{
    lua_pushcfunction(L, f_count);
    return 1;
}
