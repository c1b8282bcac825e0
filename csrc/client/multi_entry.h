/* multi_entry.h: one easy handle and its owner, as the multi interface and its parts know them. */
#ifndef SSE_CLIENT_MULTI_ENTRY_H
#define SSE_CLIENT_MULTI_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ms: as CURLOPT_CONNECTTIMEOUT_MS, a limit that is never reached. */
#define SSE_NO_CONNECT_LIMIT (1L << 30)

typedef struct sse_multi sse_multi;
struct sse_shard;
struct sse_lane;

/* Embedded in the owner, which sets the first fields. */
typedef struct sse_multi_entry {
    void *easy; /* CURL *, created and configured by the owner */
    /* The transfer has ended with this CURLcode: called once at most, when libcurl has the handle
     * no more. May call any function that is allowed outside of libcurl's callbacks. */
    void (*on_done)(struct sse_multi_entry *e, int curl_code);
    void (*destroy)(struct sse_multi_entry *e); /* cleans the easy handle up, frees the owner */
    uint64_t origin;  /* a hash of what two transfers must have in common to use one connection */
    bool multiplexes; /* may share a connection with transfers that go on: wants HTTP/2 */

    bool paused;   /* libcurl was told to pause: set by the owner, cleared by sse_multi */
    bool resuming; /* libcurl hands over what it kept during a pause: the owner must not pause */
    bool failing;  /* by sse_multi_fail: the owner must refuse all bytes */
    bool removed;  /* by sse_multi_remove: the owner must refuse all bytes */
    bool added;    /* libcurl has the handle */
    bool listed;   /* is in the list of entries: from enter until it is destroyed */
    bool curl_keeps_bytes; /* failed while paused: libcurl may still hold bytes for it */
    bool unwatched;        /* one of its sockets could not be watched */
    bool from_parent;      /* in a forked child: the parent process has it, too */
    bool alone;            /* counts among those of its shard that have a connection each */
    uint64_t connect_due;  /* ms: when libcurl would give the connecting up; 0: no more. Set by the
                              owner, whose own timer judges, after libcurl has read what came */
    struct sse_shard *shard; /* whose libcurl handle has it or had it last */
    struct sse_lane *lane;   /* of those that may share a connection; NULL: it needs its own */
    struct sse_multi_entry *next, **link;             /* in the list of entries */
    struct sse_multi_entry *next_removed;             /* among those that wait to be destroyed */
    struct sse_multi_entry *queue_next, **queue_link; /* in a queue; queue_link NULL: in none */
    struct sse_entry_queue *queue;
} sse_multi_entry;

/* Entries that wait to be started, the first is the next. All zeros: an empty one. */
typedef struct sse_entry_queue {
    sse_multi_entry *first, **last;
} sse_entry_queue;

static inline void sse_entry_queue_put(sse_entry_queue *q, sse_multi_entry *e)
{
    if (!q->first)
        q->last = &q->first;
    e->queue = q;
    e->queue_next = NULL;
    e->queue_link = q->last;
    *q->last = e;
    q->last = &e->queue_next;
}

/* Does nothing for an entry that is in no queue. */
static inline void sse_entry_queue_take(sse_multi_entry *e)
{
    if (!e->queue_link)
        return;
    *e->queue_link = e->queue_next;
    if (e->queue_next)
        e->queue_next->queue_link = e->queue_link;
    else
        e->queue->last = e->queue_link;
    e->queue_link = NULL;
    e->queue_next = NULL;
}

#endif
