/* search.h: finds what the program has lost, by collecting garbage where Lua would not do so by
 * itself: a server that is idle allocates nothing. */
#ifndef SSE_BIND_SEARCH_H
#define SSE_BIND_SEARCH_H

#include "class.h"

/* Something may have been lost, and only the collector can tell: has a whole cycle of it run in
 * about a second, in small steps where Lua can, and so seldom that it takes a hundredth of the
 * time.
 */
void sse_search_soon(lua_State *L, sse_state *st);

/* Registers the class; the module table is on top of the stack. */
void sse_open_search(lua_State *L);

#endif
