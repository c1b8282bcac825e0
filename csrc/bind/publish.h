/* publish.h: channel:publish. */
#ifndef SSE_BIND_PUBLISH_H
#define SSE_BIND_PUBLISH_H

#include "channel_object.h"

/* Publishes the event at 2 to the channel whose object, at 1, is o. Returns the number of results:
 * id, or nil, message, code. */
int sse_publish(lua_State *L, channel_object *o);

#endif
