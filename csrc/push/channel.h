/* channel.h: a named log of events and the streams that follow it. Publishing encodes an event
 * once; at the end of the loop's turn each follower whose client takes bytes is sent all events
 * between its cursor and the head in one write. Nothing is queued for a follower that is behind:
 * its cursor stays. */
#ifndef SSE_PUSH_CHANNEL_H
#define SSE_PUSH_CHANNEL_H

#include "channel_types.h"

typedef struct sse_channel_options {
    sse_slice name;
    sse_log_limits history;
    sse_slow slow;
    uint64_t max_lag;    /* framed bytes a live follower may be behind; 0: only the log bounds it */
    sse_slice gap_event; /* type of its gap events */
} sse_channel_options;

/* Copies the options' name and gap_event; `on` must outlive the channel. SSE_ENOMEM. */
int sse_channel_new(sse_loop *loop, const sse_channel_options *options, void *user,
                    const sse_channel_events *on, sse_channel **out);

/* Frees the channel. Its followers leave without being sent anything more and without a call of
 * `on`: close the channel before. May be called from on_presence, but not from within a filter. */
void sse_channel_free(sse_channel *c);

typedef struct sse_publication {
    sse_event event;  /* with an absent id, the log gives one */
    sse_slice key;    /* or absent. For SSE_SLOW_LATEST: supersedes the event held with that key */
    sse_slice dedupe; /* or absent. Nothing is published where the log holds an event with it */
} sse_publication;

/* Publishes an event. *position: its position, or that of the event held with the same dedupe.
 * SSE_EINVAL with the name of the bad *field; SSE_EEXIST: the log holds its id; SSE_ETOOBIG: over
 * the log's byte bound; SSE_ECLOSED; SSE_ENOMEM; SSE_EBUSY: called from a filter of this channel.
 * Ends no stream. In a burst it may serve followers, and so run filters. */
int sse_channel_publish(sse_channel *c, const sse_publication *p, uint64_t *position,
                        const char **field);

/* The id of an event that the log holds; the bytes are the log's. */
sse_slice sse_channel_id(const sse_channel *c, uint64_t position);

/* Takes no more events and followers. Followers at the head end cleanly now or, where they are
 * many, in the next turns; the others once they have been sent the rest of the log. SSE_EBUSY:
 * called from a filter of this channel. */
int sse_channel_close(sse_channel *c);

#endif
