#include "class.h"

#include <string.h>

#include "hint.h"

static const char state_key = 0; /* its address is sse_state's key in the registry */

/* Raises: the object has no such field. `what` is a format for the field and the class. `known` and
 * `more` are the indices of tables whose keys are the fields that it has, or 0. */
static int unknown_field(lua_State *L, const char *what, const char *class, int known, int more)
{
    const char *name = luaL_tolstring(L, 2, NULL);

    lua_pushfstring(L, what, name, class + strlen("sse."));
    if (sse_push_hint(L, class, 2, known, more))
        return luaL_error(L, "%s (%s)" SSE_PAGE("names"), lua_tostring(L, -2), lua_tostring(L, -1));
    return luaL_error(L, "%s" SSE_PAGE("names"), lua_tostring(L, -1));
}

/* Reads a field that is neither a method nor a property: nil for one that can only be written, and
 * for a key that is no string. Any other raises. */
static int read_unknown(lua_State *L)
{
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(3)) == LUA_TNIL && lua_type(L, 2) == LUA_TSTRING)
        return unknown_field(L, "field '%s' of a %s does not exist",
                             lua_tostring(L, lua_upvalueindex(4)), lua_upvalueindex(1),
                             lua_upvalueindex(2));
    lua_pushnil(L);
    return 1;
}

/* __index(object, key): upvalue 1 methods, 2 properties, 3 setters, 4 the class's name. */
static int mm_index(lua_State *L)
{
    lua_CFunction get = NULL;

    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNIL)
        return 1;
    lua_pop(L, 1);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(2)) == LUA_TNIL)
        return read_unknown(L);
    get = lua_tocfunction(L, -1);
    lua_settop(L, 1);
    return get(L); /* without lua_call, so that an error names the line that read the property */
}

/* __newindex(object, key, value): upvalue 1 setters, upvalue 2 the class's name. */
static int mm_newindex(lua_State *L)
{
    lua_CFunction set = NULL;

    lua_settop(L, 3);
    lua_pushvalue(L, 2);
    if (lua_rawget(L, lua_upvalueindex(1)) == LUA_TNIL)
        return unknown_field(L, "field '%s' of a %s is not to be written",
                             lua_tostring(L, lua_upvalueindex(2)), lua_upvalueindex(1), 0);
    set = lua_tocfunction(L, -1);
    lua_settop(L, 3);
    lua_remove(L, 2);
    return set(L); /* not lua_call: see mm_index */
}

static void new_table_of(lua_State *L, const luaL_Reg *functions)
{
    lua_newtable(L);
    if (functions)
        luaL_setfuncs(L, functions, 0);
}

/* Sets module.methods[name] to the table on top of the stack. The module is at index `module`. */
static void publish_methods(lua_State *L, int module, const char *name)
{
    if (lua_getfield(L, module, "methods") != LUA_TTABLE) {
        lua_pop(L, 1);
        lua_newtable(L);
        lua_pushvalue(L, -1);
        lua_setfield(L, module, "methods");
    }
    lua_pushvalue(L, -2);
    lua_setfield(L, -2, name);
    lua_pop(L, 1);
}

void sse_class_register(lua_State *L, const sse_class *c)
{
    int module = lua_gettop(L);

    luaL_newmetatable(L, c->name);
    lua_pushvalue(L, -1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, c); /* found by address, faster than by name */
    new_table_of(L, c->methods);
    publish_methods(L, module, c->name);
    new_table_of(L, c->properties);
    new_table_of(L, c->setters);
    lua_pushvalue(L, -1);
    lua_insert(L, -4);
    lua_pushstring(L, c->name);
    lua_pushcclosure(L, mm_index, 4);
    lua_setfield(L, -3, "__index");
    lua_pushstring(L, c->name);
    lua_pushcclosure(L, mm_newindex, 2);
    lua_setfield(L, -2, "__newindex");
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    if (c->metamethods)
        luaL_setfuncs(L, c->metamethods, 0);
    lua_pop(L, 1);
}

void *sse_class_new(lua_State *L, const sse_class *c, size_t size, int values)
{
    void *object = lua_newuserdatauv(L, size, values);

    memset(object, 0, size);
    lua_rawgetp(L, LUA_REGISTRYINDEX, c);
    lua_setmetatable(L, -2);
    return object;
}

/* Raises: the argument is no object of the class. A method that a program calls with '.' has
 * another value in place of the object. */
static void *raise_other(lua_State *L, int arg, const sse_class *c)
{
    lua_Debug ar;

    if (arg == 1 && lua_getstack(L, 0, &ar) && lua_getinfo(L, "n", &ar) && ar.name)
        luaL_error(L, "call it with ':' (%s:%s)" SSE_PAGE("colon"), c->name + strlen("sse."),
                   ar.name);
    return luaL_checkudata(L, arg, c->name); /* raises and names the class */
}

void *sse_class_check(lua_State *L, int arg, const sse_class *c)
{
    void *object = lua_touserdata(L, arg);
    bool is = false;

    if (object && lua_getmetatable(L, arg)) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, c);
        is = lua_rawequal(L, -1, -2);
        lua_pop(L, 2);
    }
    return is ? object : raise_other(L, arg, c);
}

/* class_of(value) -> the name of the class of the core that the value is an object of, or nil */
static int f_class_of(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_type(L, 1) != LUA_TUSERDATA || !lua_getmetatable(L, 1))
        return 0;
    lua_pushstring(L, "__name");
    if (lua_rawget(L, 2) != LUA_TSTRING)
        return 0;
    lua_pushvalue(L, 3);
    lua_rawget(L, LUA_REGISTRYINDEX);
    if (!lua_rawequal(L, 2, 4))
        return 0;
    lua_settop(L, 3);
    return 1;
}

void sse_open_class(lua_State *L)
{
    lua_pushcfunction(L, f_class_of);
    lua_setfield(L, -2, "class_of");
}

sse_state *sse_state_get(lua_State *L)
{
    sse_state *st = NULL;

    lua_rawgetp(L, LUA_REGISTRYINDEX, &state_key);
    st = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return st;
}

sse_state *sse_state_check(lua_State *L)
{
    sse_state *st = sse_state_get(L);

    if (!st || !st->loop)
        luaL_error(L, "the event loop is gone: the Lua state is closing");
    return st;
}

void sse_state_keep(lua_State *L, sse_state *st)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    st->L = st->main = lua_tothread(L, -1);
    lua_pop(L, 1);
    lua_newtable(L);
    st->errors = luaL_ref(L, LUA_REGISTRYINDEX);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &state_key);
}

bool sse_state_next_error(lua_State *L, sse_state *st)
{
    if (st->error_count == 0)
        return false;
    lua_rawgeti(L, LUA_REGISTRYINDEX, st->errors);
    lua_rawgeti(L, -1, 1);
    for (int i = 1; i <= st->error_count; i++) {
        lua_rawgeti(L, -2, i + 1); /* nil after the last error */
        lua_rawseti(L, -3, i);
    }
    st->error_count--;
    lua_remove(L, -2);
    return true;
}

void sse_set_number(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

int sse_fail(lua_State *L, int code, const char *message)
{
    lua_pushnil(L);
    lua_pushstring(L, message ? message : sse_error_text(code));
    lua_pushstring(L, sse_error_name(code));
    return 3;
}

int sse_with_traceback(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING)
        luaL_traceback(L, L, lua_tostring(L, 1), 1);
    return 1;
}

static int keep_error(lua_State *L)
{
    sse_state *st = lua_touserdata(L, 1);

    lua_rawgeti(L, LUA_REGISTRYINDEX, st->errors);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, ++st->error_count);
    return 0;
}

void sse_report(sse_state *st, lua_State *L)
{
    lua_pushcfunction(L, keep_error);
    lua_pushlightuserdata(L, st);
    lua_rotate(L, -3, -1); /* keep_error, state, error */
    if (lua_pcall(L, 2, 0, 0) != LUA_OK)
        lua_pop(L, 1); /* no memory to keep the error; the loop stops all the same */
    sse_loop_stop(st->loop);
}

/* Calls on_error with the error on top of the stack. Where it takes the error, pops the error and
 * returns true. Where it raises another one, that takes the error's place. */
static bool pass_error(lua_State *L, lua_CFunction on_error, void *arg)
{
    bool taken = false;

    lua_pushcfunction(L, on_error);
    lua_pushlightuserdata(L, arg);
    lua_pushvalue(L, -3);
    if (lua_pcall(L, 2, 1, -5) != LUA_OK) { /* the message handler lies below the error */
        lua_remove(L, -2);
        return false;
    }
    taken = lua_toboolean(L, -1);
    lua_pop(L, taken ? 2 : 1);
    return taken;
}

bool sse_protect(sse_state *st, lua_CFunction fn, void *arg)
{
    return sse_protect_with(st, fn, arg, NULL);
}

bool sse_protect_with(sse_state *st, lua_CFunction fn, void *arg, lua_CFunction on_error)
{
    lua_State *L = st->L, *task = st->task;
    bool ok = true;

    if (!lua_checkstack(L, LUA_MINSTACK))
        return false;
    lua_pushcfunction(L, sse_with_traceback);
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, arg);
    st->task = NULL;
    sse_loop_enter(st->loop); /* fn may not run the loop, also where no loop runs yet: a publish
                                 outside of the loop calls filters */
    if (lua_pcall(L, 1, 0, -3) != LUA_OK) {
        ok = false;
        if (!on_error || !pass_error(L, on_error, arg))
            sse_report(st, L);
    }
    sse_loop_leave(st->loop);
    st->task = task;
    lua_pop(L, 1);
    if (st->stress_gc)
        lua_gc(L, LUA_GCCOLLECT);
    return ok;
}

/* --- memory outside of Lua's heap ------------------------------------------------------------- */

#define LEAST_CHANGE ((size_t)64 << 10) /* bytes: a smaller change is not reported */
#define LEAST_GROWTH ((size_t)32 << 20) /* bytes: a full collection needs this much growth */

/* Runs a full collection where the bytes outside of the heap have doubled since the last one, and
 * have grown by LEAST_GROWTH more than the heap is large. A step is not enough: in generational
 * mode, which the standalone lua chooses, the collector looks at old objects only when Lua's own
 * heap has grown. */
static void collect_if_doubled(lua_State *L, sse_state *st)
{
    size_t heap = (size_t)lua_gc(L, LUA_GCCOUNT) << 10;

    if (st->outside / 2 < st->at_collection ||
        st->outside - st->at_collection < heap + LEAST_GROWTH)
        return;
    lua_gc(L, LUA_GCCOLLECT);
    st->at_collection = st->outside;
}

/* st->reported never falls here. So an object whose memory grows and shrinks again and again, which
 * makes no garbage, is reported once, at its largest. */
void sse_charge(lua_State *L, sse_state *st, size_t *charged, size_t bytes)
{
    size_t due = 0;

    if (bytes < *charged + LEAST_CHANGE && *charged < bytes + LEAST_CHANGE)
        return;
    st->outside = st->outside - *charged + bytes;
    *charged = bytes;
    if (st->outside < st->reported + LEAST_CHANGE || lua_gc(L, LUA_GCISRUNNING) != 1)
        return;
    due = st->outside - st->reported;
    st->reported = st->outside;
    sse_collector_step(L, due);
    collect_if_doubled(L, st);
}

static void take_off(size_t *sum, size_t bytes)
{
    *sum -= bytes < *sum ? bytes : *sum;
}

void sse_discharge(sse_state *st, size_t *charged)
{
    take_off(&st->outside, *charged);
    take_off(&st->reported, *charged);
    take_off(&st->at_collection, *charged);
    *charged = 0;
}

/* --- references in the registry --------------------------------------------------------------- */

void sse_anchor(lua_State *L, int index, int *ref)
{
    if (*ref != LUA_NOREF)
        return;
    lua_pushvalue(L, index);
    *ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

void sse_unanchor(lua_State *L, int *ref)
{
    luaL_unref(L, LUA_REGISTRYINDEX, *ref);
    *ref = LUA_NOREF;
}

void sse_push_value(lua_State *L, int ref, int n)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
    lua_getiuservalue(L, -1, n);
    lua_remove(L, -2);
}
