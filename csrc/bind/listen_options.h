/* listen_options.h: reads from Lua where a server listens, whom it trusts and which hosts it
 * answers for. */
#ifndef SSE_BIND_LISTEN_OPTIONS_H
#define SSE_BIND_LISTEN_OPTIONS_H

#include "../server/server.h"
#include "lua_api.h"

/* Reads a table of `host`, `port`, `tls` (as sse_check_tls, or false), `unix`, `mode` (a number),
 * `fds` (a list), `listening`, `proxy_protocol`, `port_reuse` at the index, which becomes absolute;
 * *tls is what options->tls points to. Pushes what keeps the values. Raises if the table is wrong.
 */
void sse_check_listen(lua_State *L, int index, sse_listen_options *options, sse_tls_options *tls);

/* Reads `trusted_proxies`, `proxy_headers` and `hosts`, lists of strings, of the table at the
 * index, which keeps the strings. Pushes what keeps the lists. */
void sse_check_policy(lua_State *L, int index, sse_policy_options *options);

#endif
