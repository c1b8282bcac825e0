/* tls_options.h: a server's `tls` as the Lua layer hands it down. */
#ifndef SSE_BIND_TLS_OPTIONS_H
#define SSE_BIND_TLS_OPTIONS_H

#include "../tls/context.h"
#include "lua_api.h"

/* Reads the table at index: { identities = { { label, name, cert, key, chain }, ... }, min_version,
 * ciphers, client_ca }, all strings. Pushes values that *options then points into, as it points
 * into the table: leave the stack as it is while the options are in use. Misuse raises. */
void sse_check_tls(lua_State *L, int index, sse_tls_options *options);

#endif
