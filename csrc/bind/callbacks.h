/* callbacks.h: the callbacks that a program sets on an object of the core (`res.on_close = f`). */
#ifndef SSE_BIND_CALLBACKS_H
#define SSE_BIND_CALLBACKS_H

#include "class.h"

/* A setter's work, called with (object, value): the value, a function or nil, becomes user value n
 * of the object; anything else raises an error that names the callback by `name`. `open`: the
 * object can still call it, so the object is anchored by *self (see sse_anchor) until it has ended.
 */
void sse_set_callback(lua_State *L, const char *name, int n, bool open, int *self);

#endif
