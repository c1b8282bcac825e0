/* decimal.c: lets specs read and write numbers by csrc/wire/decimal. */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>
#include <string.h>

#include "../../csrc/wire/decimal.h"

/* read(text) -> kind, value or nil, bytes read. The text lies in a block of its size, where a
 * sanitizer sees a read past its end. */
static int f_read(lua_State *L)
{
    static const char *const kinds[] = { "none", "integer", "double", "range" };
    size_t len = 0;
    const char *text = luaL_checklstring(L, 1, &len), *next = NULL;
    char *copy = malloc(len + !len);
    sse_number n;

    if (!copy)
        return luaL_error(L, "not enough memory");
    memcpy(copy, text, len);
    next = sse_number_read(copy, copy + len, &n);
    lua_pushstring(L, kinds[n.kind]);
    if (n.kind == SSE_NUMBER_INTEGER)
        lua_pushinteger(L, n.integer);
    else if (n.kind == SSE_NUMBER_NONE)
        lua_pushnil(L);
    else
        lua_pushnumber(L, n.real);
    lua_pushinteger(L, next - copy);
    free(copy);
    return 3;
}

/* write(number) -> text */
static int f_write(lua_State *L)
{
    char out[SSE_NUMBER_MAX];
    size_t len = 0;

    if (lua_isinteger(L, 1))
        len = sse_number_write_integer(out, lua_tointeger(L, 1));
    else
        len = sse_number_write_double(out, luaL_checknumber(L, 1));
    lua_pushlstring(L, out, len);
    return 1;
}

static const luaL_Reg functions[] = { { "read", f_read }, { "write", f_write }, { NULL, NULL } };

__attribute__((visibility("default"))) int luaopen_spec_decimal(lua_State *L);

int luaopen_spec_decimal(lua_State *L)
{
    luaL_newlib(L, functions);
    return 1;
}
