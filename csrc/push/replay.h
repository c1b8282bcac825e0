/* replay.h: followers that are older than a channel's window are sent pages, which the channel's
 * owner reads from the store: one read at a time, so that many such followers, or one that goes far
 * back, cost a bounded amount of memory and leave the others their turn. */
#ifndef SSE_PUSH_REPLAY_H
#define SSE_PUSH_REPLAY_H

#include "channel_types.h"

/* For a new window. */
void sse_replay_init(sse_channel *c);

/* Drops the pages; nobody is looked after any more. */
void sse_replay_stop(sse_channel *c);

/* Drops the pages: their events are of a log that is lost. What was asked for is still to come. */
void sse_replay_drop_pages(sse_channel *c);

#endif
