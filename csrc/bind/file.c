/* file.c: realpath and stat, which Lua's io library lacks. */
#include "file.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "class.h"

#ifdef __APPLE__
#define MTIME st_mtimespec
#else
#define MTIME st_mtim
#endif

static const char *check_path(lua_State *L, int arg)
{
    size_t len = 0;
    const char *path = luaL_checklstring(L, arg, &len);

    luaL_argcheck(L, strlen(path) == len, arg, "a path holds no NUL");
    return path;
}

static int fail(lua_State *L, int number)
{
    return sse_fail(L, number == EACCES ? SSE_EACCES : SSE_ESYS, strerror(number));
}

/* realpath(path) -> the absolute path without symbolic links, or nil, message, code */
static int f_realpath(lua_State *L)
{
    char resolved[PATH_MAX];

    if (!realpath(check_path(L, 1), resolved))
        return fail(L, errno);
    lua_pushstring(L, resolved);
    return 1;
}

static const char *type_name(mode_t mode)
{
    return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "folder" : "other";
}

/* stat(path) -> { type = "file" | "folder" | "other", size = bytes, mtime = seconds }, or nil,
 * message, code */
static int f_stat(lua_State *L)
{
    struct stat st;

    if (stat(check_path(L, 1), &st))
        return fail(L, errno);
    lua_createtable(L, 0, 3);
    lua_pushstring(L, type_name(st.st_mode));
    lua_setfield(L, -2, "type");
    lua_pushinteger(L, (lua_Integer)st.st_size);
    lua_setfield(L, -2, "size");
    lua_pushnumber(L, (lua_Number)st.MTIME.tv_sec + (lua_Number)st.MTIME.tv_nsec / 1e9);
    lua_setfield(L, -2, "mtime");
    return 1;
}

static const luaL_Reg functions[] = {
    { "realpath", f_realpath },
    { "stat", f_stat },
    { NULL, NULL },
};

void sse_open_file(lua_State *L)
{
    luaL_setfuncs(L, functions, 0);
}
