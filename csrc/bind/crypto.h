/* crypto.h: signatures, signed tokens and base64url. */
#ifndef SSE_BIND_CRYPTO_H
#define SSE_BIND_CRYPTO_H

#include "lua_api.h"

/* Adds the functions; the module table is on top of the stack. */
void sse_open_crypto(lua_State *L);

#endif
