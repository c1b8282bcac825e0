/* response.h: what the exchange and the stream class share: header fields that Lua hands over, and
 * what becomes of a code that a send gave. */
#ifndef SSE_BIND_RESPONSE_H
#define SSE_BIND_RESPONSE_H

#include "../wire/http1.h"
#include "class.h"

/* Reads the array { name, value, name, value ... } at index (nil: none) into `fields` and returns
 * how many there are. The fields point into the array's strings: they are good as long as the array
 * is on the stack and unchanged. Anything but strings, or too many, raises. */
size_t sse_check_fields(lua_State *L, int index, sse_http1_field fields[SSE_HTTP1_MAX_FIELDS]);

/* Raises an error that names the field which the core refused to send: fields[bad]. */
int sse_raise_bad_field(lua_State *L, const sse_http1_field *fields, size_t count, size_t bad);

/* Pushes true for SSE_OK, else nil, message, name of the code; returns how many values these are.
 * SSE_ESTATE (nothing was started) is misuse and raises. */
int sse_push_sent(lua_State *L, int code);

#endif
