#include "watch.h"

#include "../base/descriptor.h"
#include "class.h"

enum { FUNCTION = 1, VALUES = FUNCTION }; /* user values */

typedef struct watch_object {
    sse_state *st;
    sse_descriptor_watch watch;
    int self; /* anchored until `stop` */
} watch_object;

static const sse_class watch_class;

static int call_ready(lua_State *L)
{
    watch_object *o = lua_touserdata(L, 1);

    sse_push_value(L, o->self, FUNCTION);
    lua_call(L, 0, 0);
    return 0;
}

static void on_ready(void *arg)
{
    watch_object *o = arg;

    sse_protect(o->st, call_ready, o);
}

/* watch_descriptor(fd, fn [, to_write]) -> an object: `keep(bool)` says whether it keeps the loop
 * running, `stop()` ends it; until then fn() is called whenever fd can be read, or written. Or nil,
 * message, code. */
static int f_watch_descriptor(lua_State *L)
{
    sse_state *st = sse_state_check(L);
    int fd = (int)luaL_checkinteger(L, 1), code = SSE_OK;
    bool to_write = lua_toboolean(L, 3);
    watch_object *o = NULL;

    luaL_checktype(L, 2, LUA_TFUNCTION);
    o = sse_class_new(L, &watch_class, sizeof *o, VALUES);
    o->self = LUA_NOREF;
    lua_pushvalue(L, 2);
    lua_setiuservalue(L, -2, FUNCTION);
    sse_anchor(L, -1, &o->self);
    o->st = st;
    code = sse_descriptor_watch_start(&o->watch, st->loop, fd, to_write, on_ready, o);
    if (!code)
        return 1;
    sse_unanchor(L, &o->self);
    return sse_fail(L, code, NULL);
}

static int m_keep(lua_State *L)
{
    watch_object *o = sse_class_check(L, 1, &watch_class);

    if (o->st && o->st->loop)
        sse_descriptor_watch_keep(&o->watch, lua_toboolean(L, 2));
    return 0;
}

static int mm_gc(lua_State *L)
{
    watch_object *o = lua_touserdata(L, 1);

    if (!o->st || !o->st->loop)
        return 0;
    sse_descriptor_watch_stop(&o->watch);
    sse_unanchor(L, &o->self);
    return 0;
}

static int m_stop(lua_State *L)
{
    sse_class_check(L, 1, &watch_class);
    return mm_gc(L);
}

static const luaL_Reg methods[] = { { "keep", m_keep }, { "stop", m_stop }, { NULL, NULL } };
static const luaL_Reg metamethods[] = { { "__gc", mm_gc }, { "__close", mm_gc }, { NULL, NULL } };
static const sse_class watch_class = {
    .name = "sse.descriptor_watch",
    .methods = methods,
    .metamethods = metamethods,
};

void sse_open_watch(lua_State *L)
{
    sse_class_register(L, &watch_class);
    lua_pushcfunction(L, f_watch_descriptor);
    lua_setfield(L, -2, "watch_descriptor");
}
