/* request.h: a request's header fields for Lua. */
#ifndef SSE_BIND_REQUEST_H
#define SSE_BIND_REQUEST_H

#include "../http/exchange.h"
#include "lua_api.h"

/* Pushes the values of all fields of that name (in any case), joined by ", " (RFC 9110
 * section 5.3), or nil where there is none. */
void sse_push_header(lua_State *L, const sse_request *r, sse_slice name);

/* Pushes a table of all fields: the names in lower case, the values as sse_push_header gives them.
 */
void sse_push_headers(lua_State *L, const sse_request *r);

/* Pushes "HTTP/1.1", "HTTP/2"; nil where the version is not known. */
void sse_push_protocol(lua_State *L, const sse_request *r);

#endif
