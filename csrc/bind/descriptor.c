/* descriptor.c: waits for file descriptors, and the class sse.descriptor_wait. Only
 * lua/sse/descriptor.lua uses it. */
#include "descriptor.h"

#include "../base/descriptor.h"

#include <stdio.h>

#include "class.h"

enum { FUNCTION = 1, VALUES = FUNCTION }; /* user values */

typedef struct wait_object {
    sse_state *st;
    sse_descriptor_wait wait;
    int self; /* anchored while it waits */
} wait_object;

static const sse_class wait_class;

static int call_ready(lua_State *L)
{
    wait_object *o = lua_touserdata(L, 1);

    sse_push_value(L, o->self, FUNCTION);
    sse_unanchor(L, &o->self);
    lua_call(L, 0, 0);
    return 0;
}

static void on_ready(void *arg)
{
    wait_object *o = arg;

    sse_protect(o->st, call_ready, o);
}

/* The descriptor that the argument is, an integer or a Lua file; -1 for a closed file. */
static int check_descriptor(lua_State *L, int arg)
{
    const luaL_Stream *file = luaL_testudata(L, arg, LUA_FILEHANDLE);
    lua_Integer fd = 0;

    if (file)
        return file->closef ? fileno(file->f) : -1;
    fd = luaL_checkinteger(L, arg);
    return fd >= 0 && fd <= INT_MAX ? (int)fd : -1;
}

/* wait_descriptor(fd, to_write, fn) -> an object with a method `stop`; fn is called once. Or nil,
 * message, code: fd, an integer or a Lua file, is not open. */
static int f_wait_descriptor(lua_State *L)
{
    sse_state *st = sse_state_check(L);
    int fd = check_descriptor(L, 1), code = SSE_OK;
    bool to_write = lua_toboolean(L, 2);
    wait_object *o = NULL;

    luaL_checktype(L, 3, LUA_TFUNCTION);
    o = sse_class_new(L, &wait_class, sizeof *o, VALUES);
    o->self = LUA_NOREF;
    lua_pushvalue(L, 3);
    lua_setiuservalue(L, -2, FUNCTION);
    sse_anchor(L, -1, &o->self);
    o->st = st;
    code = sse_descriptor_wait_start(&o->wait, st->loop, fd, to_write, on_ready, o);
    if (!code)
        return 1;
    sse_unanchor(L, &o->self);
    return sse_fail(L, code, code == SSE_ECLOSED ? "the descriptor is not open" : NULL);
}

static int mm_gc(lua_State *L)
{
    wait_object *o = lua_touserdata(L, 1);

    if (!o->st || !o->st->loop)
        return 0;
    sse_descriptor_wait_stop(&o->wait);
    sse_unanchor(L, &o->self);
    return 0;
}

static int m_stop(lua_State *L)
{
    sse_class_check(L, 1, &wait_class);
    return mm_gc(L);
}

static const luaL_Reg methods[] = { { "stop", m_stop }, { NULL, NULL } };
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { "__close", mm_gc }, { NULL, NULL } };
static const sse_class wait_class = {
    .name = "sse.descriptor_wait",
    .methods = methods,
    .metamethods = metamethods,
};

void sse_open_descriptor(lua_State *L)
{
    sse_class_register(L, &wait_class);
    lua_pushcfunction(L, f_wait_descriptor);
    lua_setfield(L, -2, "wait_descriptor");
}
