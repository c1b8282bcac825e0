/* json_decode.h: Lua values of JSON texts. */
#ifndef SSE_BIND_JSON_DECODE_H
#define SSE_BIND_JSON_DECODE_H

#include "../wire/json_reader.h"
#include "lua_api.h"

/* Upvalues of each C function that calls sse_json_push: arrays' metatable, and the kept names. */
enum { SSE_JSON_METATABLE = 1, SSE_JSON_NAME_TABLE, SSE_JSON_NAME_PLACES, SSE_JSON_UPVALUES = 3 };

/* Pushes the upvalues. */
void sse_json_push_upvalues(lua_State *L);

typedef struct sse_json_options {
    bool null;    /* members of objects that are null are sse.json.null, and not left out */
    bool replace; /* what is no UTF-8 becomes U+FFFD */
} sse_json_options;

/* Pushes the value of a string that was read. */
void sse_json_push_string(lua_State *L, const sse_json_string *string);

/* Pushes the value of the text. Returns false, and pushes nothing, where it is not JSON. */
bool sse_json_push(lua_State *L, sse_slice text, const sse_json_options *options,
                   sse_json_fault *fault);

#endif
