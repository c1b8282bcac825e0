/* presence.h: reports to a channel's owner who has joined and left: from the loop, one change at a
 * time, in the order they happened. */
#ifndef SSE_PUSH_PRESENCE_H
#define SSE_PUSH_PRESENCE_H

#include "../base/loop.h"
#include "../http/reason.h"

struct sse_stream;

typedef struct sse_presence_change {
    struct sse_presence_change *next;
    void *held;       /* what hold_stream returned for the stream */
    size_t followers; /* how many there were right after the change */
    bool joined;
    uint8_t reason; /* sse_reason, of a follower that left: SSE_NOT_ENDED where its stream is open
                     */
} sse_presence_change;

/* The callbacks of a channel's owner about presence. */
typedef struct sse_presence_events {
    /* Called when a change is noted, and a call of on_presence with what this returns follows. The
     * stream may be freed before. May call no function of a channel or a stream. Or NULL. */
    void *(*hold_stream)(struct sse_stream *stream);
    /* A follower has joined or left. From the loop; may do anything, also free the channel. Or
     * NULL. */
    void (*on_presence)(void *user, const sse_presence_change *change);
} sse_presence_events;

typedef struct sse_presence {
    sse_loop *loop;
    sse_presence_change *first, **last; /* not reported yet, oldest first */
    sse_deferred report;                /* reports them at the end of the turn */
    bool *freed; /* while a callback runs: what to set when the channel is freed; else NULL */
    bool wanted; /* changes are noted and reported */
    const sse_presence_events *on;
    void *user;
} sse_presence;

/* `on` must outlive *p; on_presence is called with `user`. */
void sse_presence_init(sse_presence *p, sse_loop *loop, const sse_presence_events *on, void *user);

/* Notes that a stream has joined or left, where changes are wanted. Out of memory, the change is
 * not reported. */
void sse_presence_note(sse_presence *p, struct sse_stream *stream, bool joined, size_t followers,
                       sse_reason reason);

/* Drops the changes not reported yet: what hold_stream returned for them is not told again. May be
 * called from on_presence; the memory of *p may go then. */
void sse_presence_free(sse_presence *p);

#endif
