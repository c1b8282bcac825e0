/* channel.h: the channel class for the classes that use channels. */
#ifndef SSE_BIND_CHANNEL_H
#define SSE_BIND_CHANNEL_H

#include "../push/follow.h"
#include "class.h"

/* Returns the channel at index; raises where it is no channel, or was collected. */
sse_channel *sse_check_channel(lua_State *L, int index);

/* Reads `from`: nil, "newest", "oldest", or a number: how many of the newest events. */
void sse_check_from(lua_State *L, int index, sse_follow_options *options);

/* Keeps the channel's object at index from being collected until its last follower has left. */
void sse_anchor_channel(lua_State *L, int index);

/* Undoes sse_anchor_channel, in a later turn of the loop, where the channel has no follower. */
void sse_release_channel(lua_State *L, int index);

/* Registers the class; the module table is on top of the stack. */
void sse_open_channel(lua_State *L);

#endif
