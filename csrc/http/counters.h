/* counters.h: what a server counts. m_numbers of bind/server.c gives all of it to Lua, by the names
 * of lua/sse/server/metric_names.lua. */
#ifndef SSE_HTTP_COUNTERS_H
#define SSE_HTTP_COUNTERS_H

#include <stddef.h>
#include <stdint.h>

#include "queue.h"
#include "reason.h"

#define SSE_STATUSES 200 /* the statuses from 400 to 599 */

typedef struct sse_counters {
    /* Since the server was made. */
    uint64_t accepted;       /* connections */
    uint64_t refused;        /* connections past max_connections or the limit of an address; and
                                requests past this that came through a proxy */
    uint64_t unproxied;      /* connections closed: without a right PROXY header */
    uint64_t requests;       /* handed to the program */
    uint64_t streams_opened; /* event streams */
    uint64_t bytes_in, bytes_out;
    uint64_t sends_refused;          /* sends refused: past max_pending or max_pending_total */
    uint64_t sends_oversized;        /* sends refused: one piece larger than max_pending */
    uint64_t overload_ends;          /* connections and HTTP/2 streams ended past max_pending_total
                                      * */
    uint64_t accept_pauses;          /* pauses of accepting: no descriptor or no memory left */
    uint64_t rejected[SSE_STATUSES]; /* requests the core answered itself, by status - 400 */
    uint64_t closed[SSE_REASONS];    /* connections, by how they ended */
    uint64_t streams_ended[SSE_REASONS]; /* event streams, by how they ended */
    uint64_t http2_resets;               /* connections ended: too many streams reset */
    uint64_t http2_floods;               /* connections ended: too many frames without content */
    uint64_t http2_header_floods;        /* connections ended: a header block past all limits */
    uint64_t http2_starved;              /* streams ended: the client's window stayed closed */
    uint64_t uncompressed_bytes;         /* bytes of event streams before compression */
    uint64_t compressed_bytes;           /* the same bytes after compression */
    /* Now. */
    size_t connections;         /* open */
    size_t streams;             /* open event streams */
    size_t http2_connections;   /* open */
    size_t http2_streams;       /* open HTTP/2 streams: requests and responses */
    size_t compressed;          /* open event streams that are compressed */
    size_t compression_windows; /* those of them that have a compression window of their own */
    size_t bodies;              /* bytes that requests hold: see bodies.h */
    sse_queue_account queued;   /* bytes that wait for sockets */
} sse_counters;

#endif
