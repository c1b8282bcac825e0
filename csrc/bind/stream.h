/* stream.h: the class sse.stream: one open text/event-stream response. */
#ifndef SSE_BIND_STREAM_H
#define SSE_BIND_STREAM_H

#include "../push/stream.h"
#include "class.h"

/* The user value of a stream's object that is its server's SSE_SERVER_OWNER. */
#define SSE_STREAM_OWNER 1

/* Registers the class; the module table is on top of the stack. */
void sse_open_stream(lua_State *L);

/* Pushes a new object and returns it. It is a closed stream until one is attached to it. */
void *sse_push_stream(lua_State *L);

/* Returns the stream of the object at index; NULL once it has ended. */
sse_stream *sse_check_stream(lua_State *L, int index);

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

/* The object, made by sse_push_stream, stands for the stream from now on. */
void sse_attach_stream(void *object, sse_stream *stream);

#endif
