/* follow.h: a stream begins to follow channels, and stops. */
#ifndef SSE_PUSH_FOLLOW_H
#define SSE_PUSH_FOLLOW_H

#include "channel_types.h"
#include "resume.h"

/* Channels of a stream: an id with a part for each fits into a request head. */
#define SSE_MAX_FOLLOWED 64

/* Where a follower begins that no last event id places. */
typedef enum sse_from { SSE_FROM_NEWEST, SSE_FROM_OLDEST, SSE_FROM_COUNT } sse_from;

typedef struct sse_follow_options {
    sse_slice last_id; /* as the client sent it; absent or empty: `after` says where to begin */
    uint64_t skip_id;  /* bit i: channels[i] takes no notice of last_id */
    sse_slice after;   /* a last event id from the program; absent or empty: `from` counts */
    sse_from from;
    uint64_t count;     /* for SSE_FROM_COUNT: begin with that many of the newest events */
    sse_filter *filter; /* or NULL. Each follower takes a reference */
} sse_follow_options;

/* The position at which a follower begins that no last event id places: in the channel's log or, by
 * the view, in the store's. */
uint64_t sse_follow_first(const sse_channel *c, const sse_follow_options *options,
                          const sse_view *view);

/* Makes the stream follow all `n` channels, or none: it is sent what they hold after last_id, then
 * what is published. A client that does not know the id at which it begins is told that first.
 * Sends at once what a short time allows, and so may run the filter and end the stream; rounds send
 * the rest.
 * SSE_ECLOSED: the stream is closed (*bad is n), or channels[*bad] is; SSE_EEXIST: channels[*bad]
 * is followed already; SSE_ETOOBIG: more than SSE_MAX_FOLLOWED; SSE_ENOMEM.
 * SSE_EAGAIN: it follows them all, but where it begins is for the stores of channels to say: the
 * stream is sent nothing of any channel until sse_stream_place and sse_stream_placed. */
int sse_stream_follow(sse_stream *s, sse_channel *const *channels, size_t n,
                      const sse_follow_options *options, size_t *bad);

/* Places the followers of those of the channels that the stream follows still. views: of each
 * channel, what its store says; NULL for one without a store. */
void sse_stream_place(sse_stream *s, sse_channel *const *channels, size_t n,
                      const sse_follow_options *options, const sse_view *const *views);

/* All its followers have been placed: they are served. */
void sse_stream_placed(sse_stream *s);

/* Makes the stream follow the channel no more; false: it did not. */
bool sse_stream_unfollow(sse_stream *s, sse_channel *c);

#endif
