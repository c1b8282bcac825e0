/* descriptor.h: waits for file descriptors: the function wait_descriptor, and the class
 * sse.descriptor_wait. */
#ifndef SSE_BIND_DESCRIPTOR_H
#define SSE_BIND_DESCRIPTOR_H

#include "lua_api.h"

/* Registers the class and adds the function; the module table is on top of the stack. */
void sse_open_descriptor(lua_State *L);

#endif
