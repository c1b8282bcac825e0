/* watch.h: the class sse.descriptor_watch: a watch of a descriptor that goes on, for modules with a
 * thread or a connection of their own. */
#ifndef SSE_BIND_WATCH_H
#define SSE_BIND_WATCH_H

#include "lua_api.h"

/* Adds the function; the module table is on top of the stack. */
void sse_open_watch(lua_State *L);

#endif
