/* key.h: the class sse.key: a key for signatures. */
#ifndef SSE_BIND_KEY_H
#define SSE_BIND_KEY_H

#include "../crypto/key.h"
#include "lua_api.h"

/* Returns the key at index, or raises. */
const sse_key *sse_check_key(lua_State *L, int index);

/* Adds `key_of_secret`, `key_of_pem` and `key_of_jwk`; the module table is on top of the stack. */
void sse_open_key(lua_State *L);

#endif
