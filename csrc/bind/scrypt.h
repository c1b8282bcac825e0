/* scrypt.h: the class sse.scrypt: a password that is being hashed. */
#ifndef SSE_BIND_SCRYPT_H
#define SSE_BIND_SCRYPT_H

#include "lua_api.h"

/* Adds `scrypt`; the module table is on top of the stack. */
void sse_open_scrypt(lua_State *L);

#endif
