#include "unrun.h"

#include "hint.h"

typedef struct check {
    const sse_state *st;
} check;

static const char check_key = 0; /* its address is the registry key of the newest check */

/* Speaks only as the newest check: one that was replaced is collected like any other object. */
static int mm_gc(lua_State *L)
{
    const check *c = lua_touserdata(L, 1);
    const sse_loop *loop = c->st ? c->st->loop : NULL;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &check_key);
    if (lua_touserdata(L, -1) == c && loop && sse_loop_is_unrun(loop))
        lua_writestringerror("%s\n", "lua-sse: the program ended before the loop ran: what it made "
                                     "(EventSources, servers, timers, tasks) works only within "
                                     "sse.run()" SSE_PAGE("run"));
    return 0;
}

static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { NULL, NULL } };
static const sse_class check_class = { .name = "sse.unrun", .metamethods = metamethods };

void sse_unrun_prepare(lua_State *L, const sse_state *st)
{
    check *c = NULL;

    if (sse_loop_running(st->loop))
        return;
    luaL_checkstack(L, LUA_MINSTACK, NULL);
    c = lua_newuserdatauv(L, sizeof *c, 0);
    *c = (check){ 0 };
    lua_rawsetp(L, LUA_REGISTRYINDEX, &check_key);
}

void sse_unrun_arm(lua_State *L, sse_state *st)
{
    check *c = NULL;

    if (sse_loop_running(st->loop))
        return;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &check_key);
    c = lua_touserdata(L, -1);
    if (c) {
        c->st = st;
        lua_rawgetp(L, LUA_REGISTRYINDEX, &check_class);
        lua_setmetatable(L, -2);
    }
    lua_pop(L, 1);
}

void sse_open_unrun(lua_State *L)
{
    sse_class_register(L, &check_class);
}
