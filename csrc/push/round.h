/* round.h: rounds: at the end of a turn every follower of a channel is brought to the head of the
 * log, and the log is trimmed. */
#ifndef SSE_PUSH_ROUND_H
#define SSE_PUSH_ROUND_H

#include "channel_types.h"

/* For a new channel, whose log is empty. */
void sse_round_init(sse_channel *c);

/* For a window that begins anew: a round under way is over, and nothing is being dropped. */
void sse_round_restart(sse_channel *c);

/* For a channel that is freed: nothing is served any more. */
void sse_round_stop(sse_channel *c);

/* Before an event of `bytes` framed bytes is added: serves the followers if the log would drop
 * events for it that a follower was not sent. Ends none of their streams. Sets c->now. */
void sse_round_before_append(sse_channel *c, size_t bytes);

/* Drops what is over the log's limits: once the followers and readers were served, where there are
 * any. Sets c->now. */
void sse_round_trim(sse_channel *c);

/* For a channel that was closed: serves its followers the rest and ends them, at once while the
 * slice lasts, the others in the next turns. Then drops the log. */
void sse_round_close(sse_channel *c);

#endif
