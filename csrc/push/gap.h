/* gap.h: gap events: a follower is told that events are missing. */
#ifndef SSE_PUSH_GAP_H
#define SSE_PUSH_GAP_H

#include "channel_types.h"

extern const char *const sse_gap_names[SSE_GAPS]; /* the `reason` in a gap event's JSON */

/* Sends a gap event: events after last_id are missing. It names the channel where `named` is set
 * and the stream follows several channels. The stream is ended where the event can't be sent, since
 * no gap may go unnoticed. */
void sse_gap_send(sse_follower *f, sse_gap gap, sse_slice last_id, bool named);

/* Makes a gap event of the reason "unknown": the store has lost the log, of the window's lost
 * epoch, in which somebody was to get the event at the cursor next. SSE_ENOMEM. */
int sse_gap_lost_frame(const sse_channel *c, uint64_t cursor, sse_frame **out);

/* Sends such an event. */
void sse_gap_send_lost(sse_follower *f);

/* Skips the events before a position, which the store has dropped before the follower was sent
 * them, and sends it a gap event. */
void sse_gap_skip_to(sse_follower *f, uint64_t position);

/* Skips the events that a slow follower has lost, and sends it a gap event. It goes on with the
 * oldest event that the log holds and max_lag allows: at least with the newest one. */
void sse_gap_skip_lost(sse_follower *f);

#endif
