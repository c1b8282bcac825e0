/* store_calls.h: what a channel whose log is kept in a store calls: functions of
 * lua/sse/store/window.lua. */
#ifndef SSE_BIND_STORE_CALLS_H
#define SSE_BIND_STORE_CALLS_H

#include "channel_object.h"

/* For the channel: asks for a page of events, by the function `page` of user value STORE. */
void sse_store_on_page_wanted(void *user, uint64_t from);

/* Has the channel closed once the publishes under way have their results: by the function `close`
 * of user value STORE, which calls window_close. Returns 0. */
int sse_store_close(lua_State *L, channel_object *o);

#endif
