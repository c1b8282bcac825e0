/* lane.h: transfers to one origin that may share connections by HTTP/2. libcurl opens a connection
 * for each transfer that finds none with room, also while another is on its way. So while one of
 * them opens a connection, the others wait; when it is open, they go on one by one, until one finds
 * no room again. N transfers need as many connections as the server's limit of streams asks for.
 * Where the server turns out to speak HTTP/1.1, nobody waits any more. */
#ifndef SSE_CLIENT_LANE_H
#define SSE_CLIENT_LANE_H

#include "../base/loop.h"
#include "multi_entry.h"

#define SSE_LANE_BUCKETS 64

/* ms: how long after a connection is open the others wait for the server's limit of streams, which
 * libcurl has at the latest when a response begins. */
#define SSE_LANE_WAIT 50

typedef struct sse_lane {
    struct sse_lane *next, **link; /* of the same bucket */
    uint64_t origin;
    struct sse_lanes *lanes;
    size_t count;             /* entries in it */
    bool serial;              /* the server speaks HTTP/1.1 */
    sse_multi_entry *opening; /* the one that may open a connection */
    sse_entry_queue waiting;  /* for `opening` */
    struct sse_shard *shard;  /* where the last of it was started */
    sse_timer timer;          /* ends the wait for the server's limit */
} sse_lane;

typedef struct sse_lanes {
    sse_lane *buckets[SSE_LANE_BUCKETS];
    sse_loop *loop;
    sse_entry_queue *ready; /* where entries are put that need wait no longer */
    void (*on_ready)(void *arg);
    void *arg;
} sse_lanes;

/* Puts the entry into its origin's lane, where it is until sse_lane_leave. SSE_ENOMEM. */
int sse_lane_enter(sse_lanes *lanes, sse_multi_entry *e);

/* Does nothing for an entry without a lane. */
void sse_lane_leave(sse_multi_entry *e);

/* Whether the entry has to wait: it is then in the lane's queue. Otherwise the caller starts it. */
bool sse_lane_must_wait(sse_multi_entry *e);

/* The entry has a connection. fresh: a new one, whose server's limit of streams is not known. */
void sse_lane_on_connection(sse_multi_entry *e, bool http2, bool fresh);

/* The head of the entry's response has come. */
void sse_lane_on_head(sse_multi_entry *e, bool http2);

#endif
