/* request.h: the exchange class for the server class, and the stream class for the exchange class.
 */
#ifndef SSE_BIND_REQUEST_H
#define SSE_BIND_REQUEST_H

#include "../push/stream.h"
#include "../server/server.h"
#include "class.h"

/* Pushes a new exchange userdata that listens to x. */
void sse_push_exchange(lua_State *L, sse_exchange *x);

/* Pushes a new stream userdata, closed until a stream is attached to it. */
void *sse_push_stream(lua_State *L);
void sse_attach_stream(void *object, sse_stream *stream);

/* The array {name, value, name, value ...} at index (nil: none) as fields, which point into its
 * strings. */
size_t sse_check_fields(lua_State *L, int index, sse_http1_field fields[SSE_HTTP1_MAX_FIELDS]);

/* Raises "header 'X' ..." for what the engine refused. */
int sse_raise_bad_field(lua_State *L, const sse_http1_field *fields, size_t count, size_t bad);

/* true, or nil, "closed" | "full", code; misuse of the state raises. */
int sse_push_sent(lua_State *L, int code);

/* For setters: user value n of the object (1) becomes the function or nil at 2; anchors it while
 * open. */
void sse_set_callback(lua_State *L, const char *name, int n, bool open, int *self);

#endif
