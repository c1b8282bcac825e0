#include "direct.h"

#include <lauxlib.h>
#include <string.h>

typedef struct direct_log {
    sse_direct_log base;
    handle *handle; /* its object is the user value */
    int log;
} direct_log;

static bool append(sse_direct_log *base, const text texts[TEXTS], sse_direct_wait *wait,
                   sse_direct_result *failure)
{
    direct_log *d = (direct_log *)base;
    job *j = handle_append(d->handle, d->log, texts, failure);

    if (!j)
        return false;
    j->wait = wait;
    j->direct = base;
    return true;
}

static void wake(sse_direct_log *base)
{
    handle_flush(((direct_log *)base)->handle);
}

int direct_new(lua_State *L)
{
    handle *h = handle_check(L);
    int log = (int)luaL_checkinteger(L, 2);
    direct_log *d = lua_newuserdatauv(L, sizeof *d, 1);

    *d = (direct_log){ .base = { .append = append, .wake = wake }, .handle = h, .log = log };
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    luaL_setmetatable(L, SSE_DIRECT_CLASS);
    return 1;
}

void direct_tell(lua_State *L, job *j)
{
    sse_direct_result result = { .code = j->code,
                                 .message = j->message,
                                 .position = j->position,
                                 .epoch = j->epoch,
                                 .held = j->held };

    if (j->rows)
        result.held_id = j->rows->text[TEXT_ID];
    j->direct->done(L, &j->wait, &result);
}

static int m_abandon(lua_State *L)
{
    sse_direct_log *base = luaL_checkudata(L, 1, SSE_DIRECT_CLASS);
    const sse_direct_result closed = { .code = "ECLOSED", .message = "the store is closed" };

    while (base->waiting) {
        sse_direct_wait *wait = base->waiting;

        base->done(L, &wait, &closed);
    }
    return 0;
}

static int m_waits(lua_State *L)
{
    const sse_direct_log *base = luaL_checkudata(L, 1, SSE_DIRECT_CLASS);

    lua_pushboolean(L, base->waiting != NULL);
    return 1;
}

void direct_register(lua_State *L)
{
    static const luaL_Reg methods[] = { { "abandon", m_abandon },
                                        { "waits", m_waits },
                                        { NULL, NULL } };

    luaL_newmetatable(L, SSE_DIRECT_CLASS);
    luaL_newlib(L, methods);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}
