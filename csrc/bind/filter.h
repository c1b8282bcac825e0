/* filter.h: filters: Lua functions that choose which events a follower gets. */
#ifndef SSE_BIND_FILTER_H
#define SSE_BIND_FILTER_H

#include "../push/channel_types.h"
#include "lua_api.h"

/* Pushes a userdata that holds a filter, and returns the filter: it calls the function at index
 * with each event, and an error of the function goes where those of the stream at `stream` go. Call
 * sse_anchor_filter once followers may refer to it. */
sse_filter *sse_push_filter(lua_State *L, int index, int stream);

/* Keeps the filter's userdata at index from being collected while a follower refers to it
 * (base.refs > 0); where none does, it may be collected. */
void sse_anchor_filter(lua_State *L, int index);

#endif
