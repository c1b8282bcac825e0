/* sniff.h: which protocol a plain connection speaks. HTTP/2 with prior knowledge begins with a
 * preface that no HTTP/1 request begins with (RFC 9113 section 3.4). */
#ifndef SSE_NET_SNIFF_H
#define SSE_NET_SNIFF_H

#include "connection.h"

/* Takes an accepted socket over (closed on failure too) and speaks with it what its first bytes ask
 * for. Until then the connection has no session. */
int sse_sniff_accept(sse_pool *pool, evutil_socket_t fd, sse_connection **out);

#endif
