/* channel.h: the channel class for the stream class. */
#ifndef SSE_BIND_CHANNEL_H
#define SSE_BIND_CHANNEL_H

#include "../push/follow.h"
#include "class.h"

/* The channel at index, or a Lua error. */
sse_channel *sse_check_channel(lua_State *L, int index);

/* The channel at index is kept, until its last follower has left or, without any, settle is called.
 */
void sse_keep_channel(lua_State *L, int index);
void sse_settle_channel(lua_State *L, int index);

/* Pushes a filter that calls the function at index with each event. It is to be kept once it was
 * given to followers. */
sse_filter *sse_push_filter(lua_State *L, int index);
void sse_keep_filter(lua_State *L, int index);

/* Registers the class; the module table is on top of the stack. */
void sse_open_channel(lua_State *L);

#endif
