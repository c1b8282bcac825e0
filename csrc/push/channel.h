/* channel.h: a named log of events and the streams that follow it. Publishing encodes once; at the
 * end of the loop's turn each follower whose client takes bytes gets all between its cursor and the
 * head in one write. A follower that is behind keeps nothing but its cursor. */
#ifndef SSE_PUSH_CHANNEL_H
#define SSE_PUSH_CHANNEL_H

#include "channel_types.h"

typedef struct sse_channel_options {
    sse_slice name;
    sse_log_limits history;
    sse_slow slow;
    uint64_t max_lag; /* framed bytes; 0: the log's bounds alone */
    sse_slice gap_event;
} sse_channel_options;

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

#endif
