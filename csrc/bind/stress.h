/* stress.h: collections at any call that may run one, in the build of `make stress`; see
 * stress_calls.h. */
#ifndef SSE_BIND_STRESS_H
#define SSE_BIND_STRESS_H

#include "lua_api.h"

/* Adds the function stress in that build, nothing in others; the module table is on top of the
 * stack. */
void sse_open_stress(lua_State *L);

#ifdef SSE_STRESS_ALLOC
/* Runs a full collection at one of every n calls on average: n is the environment's
 * SSE_STRESS_ALLOC (100), and SSE_STRESS_SEED decides at which. Never within a finalizer, nor while
 * the program has stopped the collector. */
void sse_stress(lua_State *L);
#endif

#endif
