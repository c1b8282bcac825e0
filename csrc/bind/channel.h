/* channel.h: the channel class for the stream class. */
#ifndef SSE_BIND_CHANNEL_H
#define SSE_BIND_CHANNEL_H

#include "../push/follow.h"
#include "../wire/parser.h"
#include "class.h"

/* Returns the channel at index; raises where it is no channel, or was collected. */
sse_channel *sse_check_channel(lua_State *L, int index);

/* Reads `from`: nil, "newest", "oldest", or a number: how many of the newest events. */
void sse_check_from(lua_State *L, int index, sse_follow_options *options);

/* Pushes the type and the data of the event in a frame, read back by the parser, which is made
 * where *parser is NULL. Raises where memory is short: an error may leave the parser in the middle
 * of the event. */
void sse_push_event_texts(lua_State *L, sse_parser **parser, const sse_frame *frame);

/* Keeps the channel's object at index from being collected until its last follower has left. */
void sse_anchor_channel(lua_State *L, int index);

/* Undoes sse_anchor_channel, in a later turn of the loop, where the channel has no follower. */
void sse_release_channel(lua_State *L, int index);

/* Pushes a userdata that holds a filter, and returns the filter: it calls the function at index
 * with each event. Call sse_anchor_filter once followers may refer to it. */
sse_filter *sse_push_filter(lua_State *L, int index);

/* Keeps the filter's userdata at index from being collected while a follower refers to it
 * (base.refs > 0); where none does, it may be collected. */
void sse_anchor_filter(lua_State *L, int index);

/* Registers the class; the module table is on top of the stack. */
void sse_open_channel(lua_State *L);

#endif
