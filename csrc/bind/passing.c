#include "passing.h"

#include <unistd.h>

#include "../base/passing.h"
#include "class.h"

enum { PIECE = 16384, MOST_DATAGRAM = 256 };

static int check_fd(lua_State *L, int arg)
{
    return (int)luaL_checkinteger(L, arg);
}

/* pair(datagrams) -> two descriptors that are connected, or nil, message, code */
static int f_pair(lua_State *L)
{
    evutil_socket_t pair[2];
    int code = sse_pair_make(lua_toboolean(L, 1), pair);

    if (code)
        return sse_fail(L, code, NULL);
    lua_pushinteger(L, pair[0]);
    lua_pushinteger(L, pair[1]);
    return 2;
}

/* pair_read(fd) -> bytes, "" at the end; or nil, message, code */
static int f_read(lua_State *L)
{
    char bytes[PIECE];
    ssize_t got = sse_pair_read(check_fd(L, 1), bytes, sizeof bytes);

    if (got < 0)
        return sse_fail(L, (int)got, NULL);
    lua_pushlstring(L, bytes, (size_t)got);
    return 1;
}

/* pair_write(fd, bytes[, first]) -> how many of the bytes from `first` on were written; or nil,
 * message, code */
static int f_write(lua_State *L)
{
    size_t len = 0;
    int fd = check_fd(L, 1);
    const char *bytes = luaL_checklstring(L, 2, &len);
    lua_Integer first = luaL_optinteger(L, 3, 1);
    ssize_t sent = 0;

    luaL_argcheck(L, first >= 1 && (size_t)first <= len + 1, 3, "out of range");
    sent = sse_pair_write(fd, bytes + first - 1, len - (size_t)first + 1);
    if (sent < 0)
        return sse_fail(L, (int)sent, NULL);
    lua_pushinteger(L, (lua_Integer)sent);
    return 1;
}

/* pair_pass(fd, passed, bytes) -> true, or nil, message, code */
static int f_pass(lua_State *L)
{
    size_t len = 0;
    const char *bytes = luaL_checklstring(L, 3, &len);
    int code = sse_pair_pass(check_fd(L, 1), check_fd(L, 2), bytes, len);

    if (code)
        return sse_fail(L, code, NULL);
    lua_pushboolean(L, true);
    return 1;
}

/* pair_take(fd) -> the bytes of a datagram, and the descriptor that came with it or nil; or nil,
 * message, code */
static int f_take(lua_State *L)
{
    char bytes[MOST_DATAGRAM];
    int passed = -1;
    ssize_t got = sse_pair_take(check_fd(L, 1), &passed, bytes, sizeof bytes);

    if (got < 0)
        return sse_fail(L, (int)got, NULL);
    lua_pushlstring(L, bytes, (size_t)got);
    if (passed >= 0)
        lua_pushinteger(L, passed);
    else
        lua_pushnil(L);
    return 2;
}

static int f_close(lua_State *L)
{
    close(check_fd(L, 1));
    return 0;
}

static const luaL_Reg functions[] = {
    { "pair", f_pair },      { "pair_read", f_read }, { "pair_write", f_write },
    { "pair_pass", f_pass }, { "pair_take", f_take }, { "close_descriptor", f_close },
    { NULL, NULL }
};

void sse_open_passing(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
