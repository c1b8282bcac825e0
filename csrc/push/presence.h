/* presence.h: reports to a channel's owner who has joined and left: from the loop, one change at a
 * time, in the order they happened. */
#ifndef SSE_PUSH_PRESENCE_H
#define SSE_PUSH_PRESENCE_H

#include "../base/loop.h"
#include "../http/reason.h"

typedef struct sse_presence {
    sse_loop *loop;
    struct sse_presence_change *first, **last; /* changes not reported yet, oldest first */
    sse_deferred report;                       /* reports them at the end of the turn */
    bool *freed; /* while a callback runs: what to set when the channel is freed; else NULL */
    bool wanted; /* changes are noted and reported */
    void (*on_presence)(void *user, bool joined, size_t followers, sse_reason reason); /* or NULL */
    void *user;
} sse_presence;

/* on_presence (or NULL) may do anything, also free the channel. followers: how many there were
 * right after the change. reason: of a follower that left. */
void sse_presence_init(sse_presence *p, sse_loop *loop,
                       void (*on_presence)(void *user, bool joined, size_t followers,
                                           sse_reason reason),
                       void *user);

/* Notes a change, where they are wanted. Calls no callback. Out of memory, the change is not
 * reported. */
void sse_presence_note(sse_presence *p, bool joined, size_t followers, sse_reason reason);

/* Drops the changes not reported yet. May be called from on_presence; the memory of *p may go then.
 */
void sse_presence_free(sse_presence *p);

#endif
