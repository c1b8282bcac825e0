/* json_decode.h: Lua values of JSON texts. */
#ifndef SSE_BIND_JSON_DECODE_H
#define SSE_BIND_JSON_DECODE_H

#include "../wire/json_reader.h"
#include "lua_api.h"

typedef struct sse_json_options {
    bool null;    /* members of objects that are null are sse.json.null, and not left out */
    bool replace; /* what is no UTF-8 becomes U+FFFD */
} sse_json_options;

/* Pushes the value of the text. Returns false, and pushes nothing, where it is not JSON. */
bool sse_json_push(lua_State *L, sse_slice text, const sse_json_options *options,
                   sse_json_fault *fault);

#endif
