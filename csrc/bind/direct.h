/* direct.h: publishing to a channel whose store takes appends in C: see ../wire/direct.h. */
#ifndef SSE_BIND_DIRECT_H
#define SSE_BIND_DIRECT_H

#include "channel_object.h"

/* Takes what the store's log has as its field `direct`, a value at index, for the object; ignores
 * any other value. It must live as long as the object. */
void sse_direct_take(lua_State *L, int index, channel_object *o);

/* Whether a publish that is called now can go that way: the caller is a task that can wait. */
bool sse_direct_is_possible(lua_State *L, const channel_object *o);

/* Publishes the event, encoded without its id line into st->encoded, to the channel whose object is
 * at 1, and yields. The task goes on with the id, or nil, message, code. Returns the number of
 * results where it can't even begin. */
int sse_direct_publish(lua_State *L, channel_object *o, const sse_slice texts[SSE_DIRECT_TEXTS]);

/* For the object's finalizer. */
void sse_direct_free(channel_object *o);

#endif
