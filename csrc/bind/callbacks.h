/* callbacks.h: the callbacks that a program sets on an object of the core (`res.on_close = f`), and
 * where their errors go. */
#ifndef SSE_BIND_CALLBACKS_H
#define SSE_BIND_CALLBACKS_H

#include "class.h"

/* A setter's work, called with (object, value): the value, a function or nil, becomes user value n
 * of the object; anything else raises an error that names the callback by `name`. `open`: the
 * object can still call it, so the object is anchored by *self (see sse_anchor) until it has ended.
 */
void sse_set_callback(lua_State *L, const char *name, int n, bool open, int *self);

/* Passes an error, at index `error`, of a callback that belongs to one stream or follower to the
 * function of set_on_error: fn(what, error, owner, stream, channel). The last three are the indices
 * of the values; `channel` may be 0. Pushes whether the function took the error, which it can't
 * where it was not set or the stream's server has no owner; returns 1. */
int sse_pass_error(lua_State *L, const char *what, int error, int owner, int stream, int channel);

/* Adds `set_on_error`; the module table is on top of the stack. */
void sse_open_callbacks(lua_State *L);

#endif
