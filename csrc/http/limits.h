/* limits.h: the limits of one server. All times are milliseconds. */
#ifndef SSE_HTTP_LIMITS_H
#define SSE_HTTP_LIMITS_H

#include <stddef.h>
#include <stdint.h>

#define SSE_MAX_LIFE INT32_MAX /* 24 days: an event stream has 32 bits for its end */

typedef struct sse_limits {
    size_t max_connections;             /* 0: no limit */
    size_t max_connections_per_address; /* 0: no limit */
    size_t max_head_size;               /* bytes of a request head */
    size_t max_target;                  /* bytes of a request target */
    uint64_t max_body_size;             /* bytes of a request body */
    size_t max_bodies;                  /* bytes that all requests hold together: see bodies.h */
    size_t max_pending;                 /* bytes queued for one streamed response */
    size_t max_pending_total;           /* bytes held for all sockets together */
    uint64_t head_timeout;              /* for a request head, and for a TLS handshake */
    uint64_t body_timeout;              /* for a request body */
    uint64_t idle_timeout;              /* for the next request */
    uint64_t write_timeout; /* a socket may take no byte of what is queued for so long */
    uint64_t heartbeat;     /* of silence before an event stream gets a heartbeat; 0: none */
    uint64_t max_life;      /* of an event stream, at most SSE_MAX_LIFE; 0: no limit */
    uint32_t max_concurrent_requests; /* requests at a time on one HTTP/2 connection */
} sse_limits;

#endif
