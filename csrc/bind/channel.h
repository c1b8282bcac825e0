/* channel.h: the channel class for the classes that use channels. */
#ifndef SSE_BIND_CHANNEL_H
#define SSE_BIND_CHANNEL_H

#include "../push/follow.h"
#include "class.h"

/* Returns the channel at index; raises where it is no channel, or was collected. */
sse_channel *sse_check_channel(lua_State *L, int index);

/* Reads `from`: nil, "newest", "oldest", or a number: how many of the newest events. */
void sse_check_from(lua_State *L, int index, sse_follow_options *options);

/* The channel's object at index is used: it is kept from being collected while the channel has
 * followers, and then until the channel has been idle for as long as its option `idle` says. */
void sse_keep_channel(lua_State *L, int index);

/* Registers the class; the module table is on top of the stack. */
void sse_open_channel(lua_State *L);

#endif
