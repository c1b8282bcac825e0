/* round.h: rounds: at the end of a turn every follower of a channel is brought to the head of the
 * log, and the log is trimmed. */
#ifndef SSE_PUSH_ROUND_H
#define SSE_PUSH_ROUND_H

#include "channel_types.h"

void sse_round_init(sse_channel *c);
void sse_round_stop(sse_channel *c);

/* Runs a whole round at once. */
void sse_round_run_now(sse_channel *c);

/* Before the log evicts events for a new one of `bytes` framed bytes: serves the followers if that
 * would take events that a follower was not sent. Ends none of their streams; sets c->now. */
void sse_round_before_append(sse_channel *c, size_t bytes);

/* Before the log is trimmed by age: the same, but streams may be ended. Sets c->now. */
void sse_round_before_trim(sse_channel *c);

#endif
