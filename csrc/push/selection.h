/* selection.h: a batch for one follower alone: with the events that its filter wants, and with the
 * ids of a stream that follows several channels. */
#ifndef SSE_PUSH_SELECTION_H
#define SSE_PUSH_SELECTION_H

#include "channel_types.h"

/* Joins the next events that the follower is to get from the log, which is its channel's or that of
 * a page, in a new frame for the caller; *out stays NULL
 * where the filter wants none of them. *to: the position after the events looked at, whose
 * payload bytes are added to *looked. Asks the filter, about one event at least and about none once
 * the clock is at `until` (microseconds). SSE_ECLOSED: the follower is no longer open;
 * SSE_ENOMEM. */
int sse_selection_make(sse_follower *f, const sse_log *log, uint64_t until, sse_frame **out,
                       uint64_t *to, size_t *looked);

#endif
