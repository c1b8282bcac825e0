/* record.h: what a program is told of a response that has ended: the entry of server.on_response.
 */
#ifndef SSE_BIND_RECORD_H
#define SSE_BIND_RECORD_H

#include "../http/record.h"
#include "lua_api.h"

/* Pops a value, which will be the entry's `req`, and keeps it for the request's record. nil is not
 * kept. */
void sse_keep_for_entry(lua_State *L, sse_request *r);

/* Pushes the entry of a request whose record is complete, a table: `req`, as it was kept, or nil;
 * `method`, `target`, `protocol`, `remote_address`, nil where they are not known; `status`, 0: none
 * was sent; `bytes`; `time`, seconds; `ms`, with a fraction; `reason`. What was kept is no longer
 * kept. */
void sse_push_entry(lua_State *L, sse_request *r);

#endif
