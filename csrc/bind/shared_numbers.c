#include "shared_numbers.h"

#include "../base/shared_numbers.h"
#include "class.h"

static const sse_class numbers_class;

/* The number that arguments 1 and 2 name, from 1. */
static _Atomic(uint64_t) *check(lua_State *L)
{
    const sse_shared_numbers *n = sse_class_check(L, 1, &numbers_class);
    lua_Integer at = luaL_checkinteger(L, 2);

    luaL_argcheck(L, at >= 1 && (size_t)at <= n->count, 2, "no such number");
    return &n->at[at - 1];
}

/* shared_numbers(count) -> that many zeros; raises where there is no memory. */
static int f_shared_numbers(lua_State *L)
{
    lua_Integer count = luaL_checkinteger(L, 1);
    sse_shared_numbers *n = NULL;

    luaL_argcheck(L, count >= 1 && count <= 65536, 1, "out of range");
    n = sse_class_new(L, &numbers_class, sizeof *n, 0);
    if (sse_shared_numbers_make(n, (size_t)count))
        return luaL_error(L, "out of memory");
    return 1;
}

static int m_get(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)*check(L));
    return 1;
}

static int m_add(lua_State *L)
{
    *check(L) += (uint64_t)luaL_checkinteger(L, 3);
    return 0;
}

static int mm_gc(lua_State *L)
{
    sse_shared_numbers_drop(lua_touserdata(L, 1));
    return 0;
}

static const luaL_Reg methods[] = { { "get", m_get }, { "add", m_add }, { NULL, NULL } };
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { NULL, NULL } };
static const sse_class numbers_class = { "sse.shared_numbers", methods, NULL, metamethods, NULL };

void sse_open_shared_numbers(lua_State *L)
{
    sse_class_register(L, &numbers_class);
    lua_pushcfunction(L, f_shared_numbers);
    lua_setfield(L, -2, "shared_numbers");
}
