/* proxied.h: waits for the PROXY protocol's header at the beginning of a connection, which says
 * whom a proxy has got the connection from. */
#ifndef SSE_SERVER_PROXIED_H
#define SSE_SERVER_PROXIED_H

#include "../http/connection.h"

/* Makes a connection of an accepted socket, which it owns from now on (also on failure), and waits
 * for the header; it must have come within head_timeout. Calls on_known once c->client is the
 * client that the header names, or unknown, which is the peer then. A connection that on_known has
 * not ended goes on as by sse_negotiation_begin, with `tls`. One that begins otherwise is closed.
 * SSE_ENOMEM: there is no connection. */
int sse_proxied_start(sse_context *context, evutil_socket_t fd, sse_tls_context *tls,
                      void (*on_known)(void *user, sse_connection *c), sse_connection **out);

#endif
