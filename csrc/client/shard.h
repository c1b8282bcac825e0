/* shard.h: one of libcurl's multi handles on the loop. For each new transfer libcurl looks at all
 * connections that the handle has to the same host, and at all of the handle's when a transfer
 * ends. So a handle has a bounded number of connections, and the transfers of a loop are spread
 * over as many handles as they need. */
#ifndef SSE_CLIENT_SHARD_H
#define SSE_CLIENT_SHARD_H

#include <curl/curl.h>

#include "multi_entry.h"
#include "sockets.h"
#include "watcher.h"

/* Connections of one handle. Each handle takes 45 KiB, and reads the certificates of a system's
 * authorities for itself, which takes 20 ms and 900 KiB. */
#define SSE_SHARD_CONNECTIONS 128

/* ms: a handle without a transfer is closed then, with its connections. */
#define SSE_SHARD_IDLE 10000

#define SSE_SHARD_SLOTS 64

typedef struct sse_shard_callbacks {
    /* As of sse_watcher_callbacks. */
    void (*on_action)(void *arg, struct sse_shard *s, curl_socket_t fd, int events);
    void (*on_unwatched)(void *arg, CURL *easy);
    bool (*must_queue)(void *arg);
    /* The handle was without a transfer for SSE_SHARD_IDLE ms. */
    void (*on_idle)(void *arg, struct sse_shard *s);
    void *arg;
} sse_shard_callbacks;

typedef struct sse_shard {
    struct sse_shard *next; /* of the loop's shards */
    CURLM *curl;            /* NULL until the first transfer, and again when idle for long */
    sse_watcher watcher;
    sse_sockets sockets;            /* those that libcurl has open for this handle */
    sse_timer idle_timer;           /* runs while there is no transfer */
    size_t count;                   /* transfers that libcurl has */
    size_t alone;                   /* of these the ones that have a connection each */
    uint16_t idle[SSE_SHARD_SLOTS]; /* by sse_multi_entry.origin: connections that may be idle */
    sse_shard_callbacks callbacks;
    bool touched; /* libcurl has been at work and may have reports */
    struct sse_shard *next_touched;
} sse_shard;

/* NULL: out of memory. Free closes. */
sse_shard *sse_shard_new(sse_loop *loop, sse_ready_queue *ready, sse_shard_callbacks callbacks);
void sse_shard_free(sse_shard *s);

/* Gives the entry's easy handle to libcurl, which opens its multi handle first where it has none.
 * SSE_ENOMEM, SSE_ESYS: nothing was added. */
int sse_shard_add(sse_shard *s, sse_multi_entry *e);

/* Takes the entry's easy handle from libcurl. kept: the transfer ended well, so its connection may
 * serve another one. */
void sse_shard_remove(sse_shard *s, sse_multi_entry *e, bool kept);

/* The entry's connection serves other transfers, too: it counts no more as one of its own. */
void sse_shard_share_connection(sse_multi_entry *e);

/* Whether the shard may have an idle connection for the entry. For an entry that needs one of its
 * own a `true` is given once for each such connection. */
bool sse_shard_take_idle(sse_shard *s, const sse_multi_entry *e);

/* Whether one more connection may be opened here. */
bool sse_shard_has_room(const sse_shard *s);

/* Closes libcurl's handle and all connections. There must be no transfer. */
void sse_shard_close(sse_shard *s);

/* Closes in SSE_SHARD_IDLE ms where there is no transfer; now if there is no memory for a timer. */
void sse_shard_close_later(sse_shard *s);

#endif
