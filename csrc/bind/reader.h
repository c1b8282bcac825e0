/* reader.h: the class sse.reader: what a loop over a channel's events reads from. */
#ifndef SSE_BIND_READER_H
#define SSE_BIND_READER_H

#include "lua_api.h"

/* Registers the class; the module table is on top of the stack. */
void sse_open_reader(lua_State *L);

#endif
