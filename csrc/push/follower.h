/* follower.h: a stream's place in a channel: how it leaves, how far behind it is, and how its
 * stream is ended. */
#ifndef SSE_PUSH_FOLLOWER_H
#define SSE_PUSH_FOLLOWER_H

#include "channel_types.h"

/* The stream's follower of that channel, or NULL. */
sse_follower *sse_follower_find(const sse_stream *s, const sse_channel *c);

/* Whether the follower's stream follows several channels. */
static inline bool sse_follower_shares_stream(const sse_follower *f)
{
    const sse_follower *first = f->stream->followers;

    return first && first->next_of_stream;
}

/* Takes the follower out of its channel and its stream at once. Its memory stays until the end of
 * the turn, because callers may be using it: they check `left`. reason: what presence tells;
 * SSE_NOT_ENDED where the stream stays open. */
void sse_follower_leave(sse_follower *f, sse_reason reason);

/* Every follower of a stream that has ended leaves. */
void sse_follower_leave_all(sse_stream *s);

/* Frees the followers that have left; from the end of the turn only. */
void sse_follower_free_left(sse_context *context);

/* Frees a follower that is in no list. */
void sse_follower_free(sse_context *context, sse_follower *f);

/* Whether a live follower is more than max_lag bytes behind. max_lag does not apply while a new
 * follower is still catching up on history; there only the log's own bounds count. */
bool sse_follower_over_max_lag(const sse_follower *f);

/* Ends the follower's stream: for SSE_END_SLOW cleanly, with a `retry:`; for another reason by
 * aborting it. Within a publish nothing is ended, and the channel's next round does it. */
void sse_follower_end_stream(sse_follower *f, sse_reason reason);

/* Whether events may still be sent to the follower. Callers ask again after everything that may run
 * a filter or end a stream. */
static inline bool sse_follower_is_open(const sse_follower *f)
{
    return !f->left && !f->pending_end && !sse_exchange_ended(f->stream->exchange);
}

#endif
