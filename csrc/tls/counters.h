/* counters.h: what is counted of a server's TLS connections. */
#ifndef SSE_TLS_COUNTERS_H
#define SSE_TLS_COUNTERS_H

#include <stdint.h>

typedef struct sse_tls_counters {
    uint64_t handshakes; /* done */
    uint64_t resumed;    /* handshakes that resumed a session by a ticket */
    uint64_t failures;   /* connections that ended before their handshake was done */
} sse_tls_counters;

#endif
