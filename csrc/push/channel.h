/* channel.h: a named log of events and the streams that follow it. Publishing encodes once; at the
 * end of the loop's turn each follower whose client takes bytes gets all between its cursor and the
 * head in one write. A follower that is behind keeps nothing but its cursor. */
#ifndef SSE_PUSH_CHANNEL_H
#define SSE_PUSH_CHANNEL_H

#include "../wire/log.h"
#include "../wire/position.h"
#include "stream.h"

/* What becomes of a follower that the log's eviction overtakes, or that is max_lag behind. */
typedef enum sse_slow {
    SSE_SLOW_CLOSE,  /* it is closed; back again, it gets what it missed, or a gap event */
    SSE_SLOW_SKIP,   /* it gets a gap event, and goes on with what is held */
    SSE_SLOW_LATEST, /* it is owed only the newest event of each key; else as SKIP */
} sse_slow;

typedef struct sse_channel_options {
    sse_slice name;
    sse_log_limits history;
    sse_slow slow;
    uint64_t max_lag; /* framed bytes; 0: the log's bounds alone */
    sse_slice gap_event;
} sse_channel_options;

typedef enum sse_gap { SSE_GAP_EXPIRED, SSE_GAP_UNKNOWN, SSE_GAP_SLOW, SSE_GAPS } sse_gap;

extern const char *const sse_gap_names[SSE_GAPS];

#define SSE_DELAYS 16 /* buckets of the histogram, the last without a bound */
extern const uint64_t sse_delay_bounds[SSE_DELAYS - 1]; /* microseconds */

typedef struct sse_channel_counters {
    uint64_t published, repeated; /* repeated: not published, since held with that dedupe */
    uint64_t refused;             /* publishes that failed */
    uint64_t delivered, bytes;    /* events handed to sockets, and their bytes */
    uint64_t filtered;            /* events that a where function kept from a follower */
    uint64_t gaps[SSE_GAPS];      /* gap events sent */
    uint64_t slow_closed;         /* followers closed for being slow */
    uint64_t skipped;             /* events that slow followers never got */
    uint64_t resumed, missed;     /* followers that brought an id: it was found, it was not */
    uint64_t delays[SSE_DELAYS];  /* delivered live, by time from publish to socket */
    uint64_t delay_sum;           /* microseconds */
} sse_channel_counters;

struct sse_channel;
struct sse_filter;

/* A stream's cursor in the log; follower.c's. */
typedef struct sse_follower {
    struct sse_follower *next, **link; /* the channel's */
    struct sse_follower *also;         /* the stream's next one */
    struct sse_channel *channel;
    sse_stream *stream;
    struct sse_filter *filter; /* or NULL */
    uint64_t cursor;           /* the position it is owed next */
    bool live;                 /* it has been at the head */
    bool late;                 /* it was more than max_lag behind while its client took nothing */
    bool busy;                 /* it is being served: it is not served again from within that */
    bool gone;                 /* it has left; its memory stays until the end of the turn */
    uint8_t doomed;            /* sse_reason: a publish found that its stream must end; 0: none.
                                  The next round ends the stream */
} sse_follower;

/* Sent to one follower before it is the others' turn. */
#define SSE_PUMP_BYTES ((size_t)256 << 10)

/* How they are served; follower.c's. A follower that leaves is unlinked at once and freed at the
 * end of the turn, so callers may hold one across both calls and look at `gone`. */
typedef struct sse_follower_calls {
    /* Sends what it is owed, about `limit` bytes at most. May end its stream, but not while the
     * channel publishes. */
    void (*pump)(sse_follower *f, size_t limit);
    void (*leave)(sse_follower *f, sse_reason reason);
} sse_follower_calls;

/* Whom a channel tells; each may be NULL. */
typedef struct sse_channel_events {
    /* From the loop, one at a time, in the order it happened. reason: of a follower that left. */
    void (*on_presence)(void *user, bool joined, size_t followers, sse_reason reason);
    void (*on_alone)(void *user); /* at once: the last follower has left; may call nobody */
} sse_channel_events;

typedef struct sse_presence {
    struct sse_presence *next;
    bool joined;
    uint8_t reason;
    size_t followers;
} sse_presence;

/* The events [from, to) in one frame. */
typedef struct sse_batch {
    sse_frame *frame; /* NULL: none */
    uint64_t from, to;
} sse_batch;

#define SSE_BATCHES 4

/* Its fields are channel.c's and follower.c's. */
typedef struct sse_channel {
    sse_loop *loop;
    sse_log log;
    sse_slow slow;
    uint64_t max_lag;
    char *name, *gap_event;
    char tag[SSE_MAX_TAG];
    sse_follower *followers;
    size_t count;
    const sse_follower_calls *call; /* set with the first of them */
    sse_follower *next_due;         /* where the round under way goes on */
    uint64_t round;                 /* the head when it began; 0: none is under way */
    uint64_t lagging;               /* the least cursor it left behind a client that takes more */
    uint64_t settled; /* a follower whose client takes more has everything before this */
    uint64_t waiting; /* the least cursor of those whose client took no more, and who lost nothing
                       */
    uint64_t waiting_now;           /* the same as the round under way has found it */
    uint64_t leaving;               /* what is before this is about to go; 0: nothing */
    uint64_t retried;               /* the loop's turn in which a publish last tried the clients
                                       that take no more */
    uint64_t now;                   /* microseconds, as last looked at */
    sse_batch batches[SSE_BATCHES]; /* made at head batch_head */
    uint64_t batch_head;
    unsigned next_batch;
    sse_deferred flush, tidy; /* tidy: batches made outside of a round go with the turn */
    sse_timer aging;
    sse_presence *told, **told_tail; /* presence to be told */
    sse_deferred telling;
    bool *freed; /* set where it is freed while it tells */
    void *user;
    const sse_channel_events *on;
    bool presence; /* on_presence is wanted */
    sse_channel_counters counters;
    bool closed;     /* takes no event and no follower; those it has get what is left */
    bool overtaken;  /* the round has met a client that takes nothing and is owed what leaves */
    bool filtering;  /* a where function runs */
    bool publishing; /* a publish serves followers: it ends none of their streams */
    bool ages;       /* the aging timer runs */
} sse_channel;

/* The options are copied. SSE_ENOMEM. */
int sse_channel_new(sse_loop *loop, const sse_channel_options *options, void *user,
                    const sse_channel_events *on, sse_channel **out);

/* Its followers are let go without a word: close it before. */
void sse_channel_free(sse_channel *c);

typedef struct sse_publication {
    sse_event event;       /* id: of its own, or absent */
    sse_slice key, dedupe; /* or absent; the key counts where slow is SSE_SLOW_LATEST */
} sse_publication;

/* *position: the event's; of one that is held with that dedupe already, that one's. SSE_EINVAL
 * (with *field), SSE_EEXIST (its id is held already), SSE_ETOOBIG, SSE_ECLOSED, SSE_ENOMEM;
 * SSE_EBUSY from within a where function. */
int sse_channel_publish(sse_channel *c, const sse_publication *p, uint64_t *position,
                        const char **field);

/* The id of an event that is held. */
sse_slice sse_channel_id(const sse_channel *c, uint64_t position);

/* Ends its followers cleanly, each after what it is owed. SSE_EBUSY from within a where function.
 */
int sse_channel_close(sse_channel *c);

/* For follower.c. */
void sse_channel_changed(sse_channel *c, bool joined, sse_reason reason);

/* The events from there that are to be sent, as many as make a good write, in one frame (with a
 * reference); *to: the position after them. SSE_ENOMEM. */
int sse_channel_batch(sse_channel *c, uint64_t from, sse_frame **out, uint64_t *to);

#endif
