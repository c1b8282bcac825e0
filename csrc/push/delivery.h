/* delivery.h: sends followers what lies between their cursor and the head of the log. */
#ifndef SSE_PUSH_DELIVERY_H
#define SSE_PUSH_DELIVERY_H

#include "channel_types.h"

/* Bytes that one follower is sent before it is the others' turn. */
#define SSE_DELIVERY_BYTES ((size_t)256 << 10)

extern const uint64_t sse_delay_bounds[SSE_DELAYS - 1]; /* of the histogram, microseconds */

/* Sends the follower events until it is at the head, its client takes no more or about `limit`
 * bytes are sent; one with a filter or several channels also no longer than a time from
 * channel->now on, which the caller has set. What is left is sent by the channel's next round. Runs
 * the follower's filter. May end the stream, but not within a publish. */
void sse_delivery_serve(sse_follower *f, size_t limit);

/* The short way for nearly all followers of a round: sends the follower the batch that was made
 * last for the channel, if that is all that sse_delivery_serve would do. false: nothing was done.
 * Calls no filter. */
bool sse_delivery_serve_alike(sse_follower *f);

/* Sends a follower that waits for pages what the page has for it, as far as its client and a time
 * allow. The caller has set channel->now, and looks at the follower's cursor and stream
 * afterwards. */
void sse_delivery_serve_page(sse_follower *f, sse_page *page);

/* Serves the followers of a stream whose client takes bytes again. */
void sse_delivery_resume(sse_stream *s);

#endif
