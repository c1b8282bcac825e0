/* authority.h: host and port, as the field Host has them, and the list of hosts that a server
 * answers for. */
#ifndef SSE_WIRE_AUTHORITY_H
#define SSE_WIRE_AUTHORITY_H

#include "client.h"

typedef struct sse_authority {
    sse_slice host; /* without the brackets of an IPv6 address */
    int port;       /* -1: none, or an empty one */
    bool is_ipv6;
} sse_authority;

/* Reads uri-host [ ":" port ] as http1_head.h allows it (RFC 9110 section 7.2, RFC 3986 section
 * 3.2). SSE_EINVAL. */
int sse_authority_parse(sse_slice text, sse_authority *out);

static inline bool sse_is_authority(sse_slice text)
{
    sse_authority ignored;

    return sse_authority_parse(text, &ignored) == SSE_OK;
}

/* Names that a server answers for. */
typedef struct sse_host_pattern {
    sse_slice name;     /* without a dot at the end; a view of the text that was read */
    sse_client address; /* where the name is an address; else its `len` is 0 */
    int port;           /* -1: any */
    bool any_label;     /* one label before `name`, which begins with a dot */
} sse_host_pattern;

/* Reads "app.example", "*.app.example", "192.0.2.1", "[2001:db8::1]", each maybe with a port.
 * SSE_EINVAL: *why is a static text that says what is expected. */
int sse_host_pattern_parse(sse_slice text, sse_host_pattern *out, const char **why);

/* Whether a server with these patterns answers for the host, a Host field's value. The names of
 * this machine (localhost, what ends in .localhost, 127.0.0.0/8, ::1) are always answered for. A
 * host without a port has that of http or, if `secure`, https. */
bool sse_hosts_have(const sse_host_pattern *patterns, size_t count, sse_slice host, bool secure);

#endif
