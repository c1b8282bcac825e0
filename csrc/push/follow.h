/* follow.h: a stream begins to follow channels: from where. */
#ifndef SSE_PUSH_FOLLOW_H
#define SSE_PUSH_FOLLOW_H

#include "channel_types.h"

#define SSE_MAX_FOLLOWED \
    64 /* channels a stream follows: the id that tells of all fits into a head */

typedef enum sse_from { SSE_FROM_NEWEST, SSE_FROM_OLDEST, SSE_FROM_COUNT } sse_from;

typedef struct sse_follow_options {
    sse_slice last_id; /* absent or empty: none; then `from` tells where to begin */
    uint64_t again;    /* bit i: last_id says nothing about channels[i] any more */
    sse_from from;
    uint64_t count;     /* SSE_FROM_COUNT: that many of the newest */
    sse_filter *filter; /* or NULL; a reference is taken */
} sse_follow_options;

/* The stream gets what is held after last_id of each channel, then what is published. All or none.
 * SSE_ECLOSED: the stream is closed, or channels[*bad] is; SSE_EEXIST: it follows channels[*bad];
 * SSE_ETOOBIG: more than SSE_MAX_FOLLOWED; SSE_ENOMEM. */
int sse_stream_follow(sse_stream *s, sse_channel *const *channels, size_t n,
                      const sse_follow_options *options, size_t *bad);

/* The stream follows the channel no more; false: it did not. */
bool sse_stream_unfollow(sse_stream *s, sse_channel *c);

#endif
