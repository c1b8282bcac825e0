/* sniff.h: which protocol a plain connection speaks. HTTP/2 with prior knowledge begins with a
 * preface that no HTTP/1 request begins with (RFC 9113 section 3.4). */
#ifndef SSE_NET_SNIFF_H
#define SSE_NET_SNIFF_H

#include "connection.h"

/* Speaks over the connection what its first bytes ask for. Until then it has no session. SSE_OK. */
int sse_sniff_start(sse_connection *c);

#endif
