/* streams.h: lists of the open streams of a server or a channel, and the notice of a stream's end
 * that limits need. */
#ifndef SSE_BIND_STREAMS_H
#define SSE_BIND_STREAMS_H

#include "lua_api.h"

/* Adds the functions; the module table is on top of the stack. */
void sse_open_streams(lua_State *L);

#endif
