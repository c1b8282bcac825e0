/* url.h: URLs read and resolved. */
#ifndef SSE_BIND_URL_H
#define SSE_BIND_URL_H

#include "lua_api.h"

/* Adds the function url; the module table is on top of the stack. */
void sse_open_url(lua_State *L);

#endif
