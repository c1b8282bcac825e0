/* stream.h: the class sse.stream: one open text/event-stream response. */
#ifndef SSE_BIND_STREAM_H
#define SSE_BIND_STREAM_H

#include "../push/stream.h"
#include "class.h"

/* Registers the class; the module table is on top of the stack. */
void sse_open_stream(lua_State *L);

/* Pushes a new object and returns it. It is a closed stream until one is attached to it. */
void *sse_push_stream(lua_State *L);

/* The object, made by sse_push_stream, stands for the stream from now on. */
void sse_attach_stream(void *object, sse_stream *stream);

#endif
