/* stream.h: the class sse.stream: one open text/event-stream response. */
#ifndef SSE_BIND_STREAM_H
#define SSE_BIND_STREAM_H

#include "stream_object.h"

/* Registers the class; the module table is on top of the stack. */
void sse_open_stream(lua_State *L);

/* Pushes a new object and returns it. It is a closed stream until one is attached to it. */
stream_object *sse_push_stream(lua_State *L);

/* Returns the object at index, which must be one; else raises. */
stream_object *sse_check_stream_object(lua_State *L, int index);

/* Returns the stream of the object at index; NULL once it has ended. */
sse_stream *sse_check_stream(lua_State *L, int index);

/* The object that stands for the stream; NULL: there is none. An object that the collector has
 * found is still the one until its finalizer has run, but can't be pushed. */
stream_object *sse_object_of_stream(const sse_stream *stream);

/* Pushes the object; or nil, and returns false, where the collector has found it. */
bool sse_push_stream_object(lua_State *L, const stream_object *o);

/* Keeps the object at index from being collected, or no longer, as its state wants it. */
void sse_settle_stream_object(lua_State *L, int index, stream_object *o);

/* The object at index, made by sse_push_stream, stands for the stream from now on. The caller sets
 * its user value STREAM_OWNER. Runs no finalizer. */
void sse_attach_stream(lua_State *L, int index, sse_stream *stream);

#endif
