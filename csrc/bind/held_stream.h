/* held_stream.h: what channels do to keep the object of a stream that follows them. */
#ifndef SSE_BIND_HELD_STREAM_H
#define SSE_BIND_HELD_STREAM_H

#include "../push/stream.h"
#include "lua_api.h"

/* Keeps the object at index from being collected while its stream follows a channel, and until the
 * next sse_settle_stream. */
void sse_keep_stream(lua_State *L, int index);

/* The stream of the object at index began to follow a channel, or stopped. */
void sse_settle_stream(lua_State *L, int index);

/* What a report of a channel's presence (see presence.h) has of a stream: holds the object, so that
 * it is not collected also when the stream has ended, until sse_release_stream. NULL where nothing
 * keeps the object that the program has, if it has one: the stream began to follow before the
 * channel had listeners; and where a million reports of it are to come already. */
void *sse_hold_stream(sse_stream *stream);

/* Pushes the object that was held; a new one, closed, for NULL. */
void sse_push_held_stream(lua_State *L, void *held);

/* Undoes one sse_hold_stream. */
void sse_release_stream(lua_State *L, void *held);

#endif
