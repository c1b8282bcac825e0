/* json_names.h: the names of objects that came before, as Lua strings. Most names come again and
 * again; looking one up here costs a third of having Lua hash and find it. */
#ifndef SSE_BIND_JSON_NAMES_H
#define SSE_BIND_JSON_NAMES_H

#include "../wire/json_string.h"
#include "lua_api.h"

#define SSE_JSON_NAMES     256 /* names that are kept, each in the place that its bytes give it */
#define SSE_JSON_NAME_SIZE 32  /* bytes of the longest one */

/* A name of up to 32 bytes, which its length and these words tell from all others. */
typedef struct sse_json_name {
    uint64_t words[4];
    uint8_t len;
    bool kept; /* the Lua string is in the table of names; else the name came only once */
} sse_json_name;

typedef struct sse_json_names {
    sse_json_name places[SSE_JSON_NAMES];
} sse_json_names;

/* Pushes a name without escapes, which has 1 to 32 bytes. Its Lua string is kept in the table at
 * index from the second time on. Returns the name's place. */
unsigned sse_json_push_name(lua_State *L, sse_json_names *names, int index, sse_slice name);

#endif
