/* class.h: what every Lua class of the core shares: userdata with methods and read-only properties,
 * errors as `nil, message, code`, and calls from C into Lua that no Lua error can cross.
 *
 * Rules for a class:
 * 1. The userdata is a struct that begins closed: sse_class_new zeroes it and sets the metatable
 *    before the object acquires anything, so that __gc can run at any time.
 * 2. The Lua values that an object needs are its user values. While the object is active, one
 *    registry reference to the object itself (sse_anchor) keeps it from being collected.
 * 3. close, __gc and __close are one function, which may be called any number of times.
 * 4. A callback that the core calls enters Lua by sse_protect only. Outside of sse_protect nothing
 *    touches a Lua stack, because nothing there would catch a Lua error. The one exception is the
 *    body of a transfer that goes straight into a parser: sse_feed_parser (parser.c) protects its
 *    own calls, and feed_parser (transfer.c) calls before it only what can't raise. */
#ifndef SSE_BIND_CLASS_H
#define SSE_BIND_CLASS_H

#include <stdbool.h>

#include "../base/loop.h"
#include "../wire/buffer.h"
#include "lua_api.h"

/* A debug hook, as lua_sethook sets it. */
typedef struct sse_hook {
    lua_Hook function;
    int mask, count;
} sse_hook;

/* One per Lua state, kept in its registry. */
typedef struct sse_state {
    sse_loop *loop;
    lua_State *main;
    lua_State *L; /* the coroutine that called run() or turn(), else the main one: callbacks use
                     its stack */
    int errors;   /* registry reference: the list of errors that callbacks raised, oldest first */
    int error_count;
    int tasks;      /* for task.c: registry references of two tables: the owners of coroutines, */
    int idle;       /* and the coroutines without a task, */
    int idle_count; /* that many; */
    size_t cancels_wanted;  /* how many tasks are to end at their next wait */
    size_t outside;         /* bytes that objects hold outside of Lua's heap, garbage included */
    size_t reported;        /* how many of these the collector has been told of */
    size_t at_collection;   /* `outside` after the last full collection that sse_charge ran */
    lua_State *task;        /* the task's coroutine that runs, the innermost one; or NULL */
    sse_hook known_hook;    /* of interrupt.c: the main coroutine's, which ends no run */
    sse_hook interrupt;     /* of interrupt.c: the hook that ended the run */
    const void *json_array; /* address of the metatable of JSON's arrays */
    sse_buffer json; /* JSON that has just been made, and the bytes of an event: until the next */
    sse_buffer encoded;  /* call that may run the program's code, which may make others */
    size_t streams;      /* for stream.c: how many objects of streams there are, */
    size_t most_streams; /* and the most of them since its weak table was made */
    bool stress_gc;      /* SSE_STRESS_GC=1: a full collection after every callback */
} sse_state;

typedef struct sse_class {
    const char *name; /* registry name of the metatable, "sse.timer" */
    const luaL_Reg *methods;
    const luaL_Reg *properties;  /* getters, called with the object; or NULL */
    const luaL_Reg *metamethods; /* __gc, __close, __tostring ...; or NULL */
    const luaL_Reg *setters;     /* writable properties, called with (object, value); or NULL */
} sse_class;

/* Makes the class's metatable. Reading obj.name looks into the methods, then calls the property's
 * getter; reading a field that the class does not have raises, and so does writing one that has no
 * setter: both errors may have a hint (see hint.h). The table of methods becomes
 * module.methods[name], so that the Lua layer can add methods that wait. The module table is on top
 * of the stack. */
void sse_class_register(lua_State *L, const sse_class *c);

/* Pushes and returns a userdata of that class: `size` bytes of zeros, with `values` user values. */
void *sse_class_new(lua_State *L, const sse_class *c, size_t size, int values);

/* Returns the argument, which must be an object of that class; else raises. */
void *sse_class_check(lua_State *L, int arg, const sse_class *c);

/* Returns this Lua state's sse_state; NULL before sse_open_loop. */
sse_state *sse_state_get(lua_State *L);

/* The same, but raises where there is no loop any more: when a Lua state closes, finalizers run in
 * any order, so an object may be used after the loop was freed. */
sse_state *sse_state_check(lua_State *L);

/* Fills st and makes it this Lua state's sse_state: the userdata that holds st is on top of the
 * stack, and is popped. It lives until the Lua state closes. An object that is finalized then may
 * find st->loop NULL, and must not use the loop. */
void sse_state_keep(lua_State *L, sse_state *st);

/* Takes the oldest error out of the list that sse_report fills and pushes it. Returns false, and
 * pushes nothing, where the list is empty. */
bool sse_state_next_error(lua_State *L, sse_state *st);

/* Sets field `name` of the table on top of the stack to the number. */
void sse_set_number(lua_State *L, const char *name, uint64_t value);

/* Pushes nil, the message (NULL: the code's own text) and the code's name; returns 3, the number of
 * values. */
int sse_fail(lua_State *L, int code, const char *message);

/* Tells how many bytes an object holds outside of Lua's heap now, where the collector can't see
 * them. *charged is the object's own record of what it told last, 0 at first. When the sum of all
 * objects has grown, the collector takes a step as for that much new Lua memory, so finalizers may
 * run within this call. Changes of less than 64 KiB are ignored. */
void sse_charge(lua_State *L, sse_state *st, size_t *charged, size_t bytes);

/* For a finalizer: the object holds nothing outside of Lua's heap any more. */
void sse_discharge(sse_state *st, size_t *charged);

/* Calls fn on st->L in protected mode; fn finds arg as light userdata: lua_touserdata(L, 1).
 * Returns false where fn raised: sse_report has kept the error, with a traceback. */
bool sse_protect(sse_state *st, lua_CFunction fn, void *arg);

/* The same, but an error of fn goes to on_error first, which is called with arg and the error. It
 * returns true where it took the error; sse_report keeps any other, and one that on_error raises.
 */
bool sse_protect_with(sse_state *st, lua_CFunction fn, void *arg, lua_CFunction on_error);

/* A message handler for lua_pcall: adds a traceback to an error that is a string. */
int sse_with_traceback(lua_State *L);

/* Pops the error on top of L's stack and puts it into the list of errors, and stops the loop:
 * run() or turn() raises the error. */
void sse_report(sse_state *st, lua_State *L);

/* Makes *ref a registry reference to the value at index, which keeps it from being collected, or
 * gives the reference back. *ref is LUA_NOREF while there is none. Either may be called again. */
void sse_anchor(lua_State *L, int index, int *ref);
void sse_unanchor(lua_State *L, int *ref);

/* Pushes user value n of the object referenced by ref. */
void sse_push_value(lua_State *L, int ref, int n);

/* Is called when the bytes in st->json or st->encoded are not needed any more. Frees them where
 * they are many, and in a finalizer while the Lua state is closed, since nothing else would. */
static inline void sse_state_release(const sse_state *st, sse_buffer *buffer)
{
    const size_t kept = (size_t)64 << 10;

    if (buffer->cap > kept || !st->loop)
        sse_buffer_free(buffer);
}

/* Adds `class_of` and the table `methods`; the module table is on top of the stack. */
void sse_open_class(lua_State *L);

#endif
