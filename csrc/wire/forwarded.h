/* forwarded.h: what the proxies that a server trusts say of a request: whom it comes from, by which
 * scheme and for which host. X-Forwarded-For, -Proto and -Host, and Forwarded (RFC 7239).
 *
 * Each proxy appends to a list whom it has got the request from, so the lists are read from the
 * right: the last element is by the peer itself, the one before it by the proxy that the last
 * element names, and so on. The first element that names an address which is not trusted is the
 * client. What stands before it may be forged, and is not looked at. */
#ifndef SSE_WIRE_FORWARDED_H
#define SSE_WIRE_FORWARDED_H

#include "client.h"
#include "http1.h"

/* Fields that count, as bits. */
enum {
    SSE_X_FORWARDED_FOR = 1,
    SSE_X_FORWARDED_PROTO = 2,
    SSE_X_FORWARDED_HOST = 4,
    SSE_FORWARDED = 8,
};

/* Whom a server trusts. */
typedef struct sse_trust {
    const sse_network *networks;
    size_t count;
    unsigned fields; /* bits of those that the proxies write; Forwarded counts only in requests
                        that have none of the others that do */
} sse_trust;

typedef enum sse_scheme { SSE_SCHEME_UNKNOWN, SSE_SCHEME_HTTP, SSE_SCHEME_HTTPS } sse_scheme;

typedef struct sse_forwarded {
    sse_client client; /* the last proxy that is known, where a list does not name its client */
    bool named;        /* a list names the client */
    sse_scheme scheme;
    sse_slice host; /* absent, or a well-formed authority; a view of a field */
} sse_forwarded;

/* Reads what the fields of a request say that has come from a trusted peer. Time in proportion to
 * their length. */
void sse_forwarded_read(const sse_http1_field *fields, size_t count, const sse_trust *trust,
                        const sse_client *peer, sse_forwarded *out);

#endif
