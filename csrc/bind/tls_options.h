/* tls_options.h: a server's `tls` as the Lua layer hands it down. */
#ifndef SSE_BIND_TLS_OPTIONS_H
#define SSE_BIND_TLS_OPTIONS_H

#include "../tls/context.h"
#include "lua_api.h"

/* Reads { identities = { { label, name, cert, key, chain }, ... }, min_version, ciphers, client_ca
 * } at index. What options then points to is the table's and what was pushed: keep the stack as it
 * is while they are in use. */
void sse_check_tls(lua_State *L, int index, sse_tls_options *options);

#endif
