/* stream_options.h: the options of res:event_stream as the Lua layer hands them down. */
#ifndef SSE_BIND_STREAM_OPTIONS_H
#define SSE_BIND_STREAM_OPTIONS_H

#include "../push/stream.h"
#include "lua_api.h"

/* Reads the table at index 2, { status, retry, heartbeat, heartbeat_event, max_pending, max_life,
 * compress, headers } (nil: the defaults). Misuse raises. options->fields is `fields`, which point
 * into the strings of the table's `headers`: those are left on the stack, and must stay there while
 * the options are in use.
 */
void sse_check_stream_options(lua_State *L, sse_stream_options *options, sse_http1_field *fields);

#endif
