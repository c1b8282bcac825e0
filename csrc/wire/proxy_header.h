/* proxy_header.h: reads the header of the PROXY protocol, versions 1 and 2, by which a proxy says
 * at the beginning of a connection whom it has got the connection from (HAProxy's
 * proxy-protocol.txt). */
#ifndef SSE_WIRE_PROXY_HEADER_H
#define SSE_WIRE_PROXY_HEADER_H

#include "client.h"

/* Bytes of a header. One of version 1 has at most 107; of version 2 this leaves room for what
 * proxies say of their clients' TLS. */
#define SSE_MAX_PROXY_HEADER 4096

typedef struct sse_proxy_header {
    sse_client client; /* unknown: the connection's own address counts (LOCAL, UNKNOWN, a Unix
                          socket) */
    bool unnamed;      /* there is a client, and the header does not say who */
    bool secure;       /* the client has talked TLS to the proxy */
} sse_proxy_header;

/* How long the header is that the bytes begin; 0: that can't be told yet, and all bytes belong to
 * the header. May be more than there are. Of bytes that begin none it is their number. */
size_t sse_proxy_header_length(sse_slice bytes);

/* Reads a header, which must be all of the bytes. SSE_EAGAIN: there must be more bytes. SSE_EPROTO:
 * that is no header. */
int sse_proxy_header_parse(sse_slice bytes, sse_proxy_header *out);

#endif
