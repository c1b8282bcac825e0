/* class.h: what every Lua class of the core shares: userdata with methods and read-only properties,
 * errors as `nil, message, code`, and calls from C into Lua that no Lua error can cross.
 *
 * Rules for a class. (1) The userdata is a struct that begins closed: sse_class_new sets the
 * metatable before anything is acquired. (2) Lua values live in its user values; one registry
 * reference to itself (sse_anchor) from start to closed keeps an active object alive. (3) close,
 * __gc and __close are one idempotent function. (4) A callback from the engine calls sse_protect,
 * which pushes a C function and an address and lua_pcalls: nothing touches the Lua stack outside of
 * it. */
#ifndef SSE_BIND_CLASS_H
#define SSE_BIND_CLASS_H

#include <stdbool.h>

#include "../base/loop.h"
#include "lua_api.h"

/* One per Lua state, in the registry: the loop and the state on which callbacks run at present. */
typedef struct sse_state {
    sse_loop *loop;
    lua_State *L; /* whoever called run() or turn(); callbacks use its stack; the main thread
                     outside */
    int errors;   /* registry reference: list of errors that callbacks raised, oldest first */
    int error_count;
    size_t beside;  /* bytes beside Lua's heap, of what is garbage too */
    size_t told;    /* so many of them the collector knows */
    size_t base;    /* so many were there after the last full collection of sse_charge */
    bool stress_gc; /* SSE_STRESS_GC=1: a full collection after every callback */
} sse_state;

typedef struct sse_class {
    const char *name; /* registry name of the metatable, "sse.timer" */
    const luaL_Reg *methods;
    const luaL_Reg *properties;  /* getters, called with the object; or NULL */
    const luaL_Reg *metamethods; /* __gc, __close, __tostring ...; or NULL */
    const luaL_Reg *setters;     /* writable properties, called with (object, value); or NULL */
} sse_class;

/* Makes the metatable. obj.name looks into methods, then properties; writing a field without a
 * setter raises. The table of methods goes into module.methods[name] (the module table is on top of
 * the stack), so that the Lua layer can add methods that need tasks. */
void sse_class_register(lua_State *L, const sse_class *c);

/* A zeroed userdata of that class on the stack, with `values` user values. */
void *sse_class_new(lua_State *L, const sse_class *c, size_t size, int values);

/* The argument as that class, or a Lua error. */
void *sse_class_check(lua_State *L, int arg, const sse_class *c);

/* NULL before the loop was opened in this Lua state. */
sse_state *sse_state_get(lua_State *L);

/* The same with its loop there, or a Lua error: a finalizer may run after the loop's when the Lua
 * state closes. */
sse_state *sse_state_check(lua_State *L);

/* Fills st for this Lua state and keeps the userdata on top of the stack (popped) as its state. It
 * stays until the Lua state closes; userdata collected then may see st->loop NULL and must leave it
 * alone. */
void sse_state_keep(lua_State *L, sse_state *st);

/* Pushes the oldest error kept for run()/turn() and forgets it there; false: none, nothing pushed.
 */
bool sse_state_next_error(lua_State *L, sse_state *st);

/* Field `name` of the table on top of the stack becomes the number. */
void sse_set_number(lua_State *L, const char *name, uint64_t value);

/* Pushes nil, message (default text where NULL), name of the code; returns 3. */
int sse_fail(lua_State *L, int code, const char *message);

/* An object holds that many bytes beside Lua's heap, which the collector does not see; *charged is
 * what was said last, 0 at first. Where all of them together have become more, the collector takes
 * a step as for so much new Lua memory, so a finalizer may run. Small changes are not worth it. */
void sse_charge(lua_State *L, sse_state *st, size_t *charged, size_t bytes);

/* For a finalizer: the object holds nothing any more. */
void sse_discharge(sse_state *st, size_t *charged);

/* Calls fn with arg as light userdata (lua_touserdata(L, 1)) on st->L under lua_pcall with a
 * traceback. A Lua error is kept for run()/turn(), which stops and raises it; false then. */
bool sse_protect(sse_state *st, lua_CFunction fn, void *arg);

/* Keeps the error on top of L's stack (popped) for run()/turn() to raise; stops the loop. */
void sse_report(sse_state *st, lua_State *L);

/* Registry references; *ref is LUA_NOREF while there is none. Both are idempotent. */
void sse_anchor(lua_State *L, int index, int *ref);
void sse_unanchor(lua_State *L, int *ref);

/* Pushes user value n of the object referenced by ref. */
void sse_push_value(lua_State *L, int ref, int n);

/* Adds `class_of` and the table `methods`; the module table is on top of the stack. */
void sse_open_class(lua_State *L);

#endif
