/* reader.h: a place in a channel's log from which the process itself reads: a follower without a
 * stream. Events are read one at a time, from the frames of the log. */
#ifndef SSE_PUSH_READER_H
#define SSE_PUSH_READER_H

#include "channel_types.h"
#include "follow.h"

typedef struct sse_reader {
    struct sse_reader *next, **link; /* in the channel's list */
    sse_channel *channel;            /* NULL: it has left */
    uint64_t cursor;                 /* position of the next event to be read */
    bool lost_epoch;                 /* the store has lost the log that `cursor` is of */
    bool waiting;                    /* for an event or the channel's end */
    sse_deferred ready;              /* queued once one of them has come: calls on_ready */
    void (*on_ready)(void *user);    /* from the loop; may do anything, also free the reader */
    void *user;
} sse_reader;

/* What sse_reader_next found. */
enum { SSE_READ_NOTHING, SSE_READ_EVENT, SSE_READ_GAP, SSE_READ_END, SSE_READ_BEHIND };

/* Begins to read where options->from says. The reader's memory is the caller's, and stays in the
 * channel's list until sse_reader_leave. */
void sse_reader_begin(sse_reader *r, sse_channel *c, const sse_follow_options *options,
                      void (*on_ready)(void *user), void *user);

/* Reads on: SSE_READ_EVENT, *position: an event that the log holds; SSE_READ_GAP, *gap: a gap event
 * in a frame for the caller, since events that were not read have been dropped from the log;
 * SSE_READ_BEHIND: the window has dropped events that the store may have: read these, and then set
 * the cursor; SSE_READ_NOTHING: wait; SSE_READ_END: it has left, or the channel is closed and
 * everything was read; SSE_ENOMEM. Superseded events are skipped. */
int sse_reader_next(sse_reader *r, uint64_t *position, sse_frame **gap);

/* Of a channel with a window: goes on at a position of the store's log. */
void sse_reader_seek(sse_reader *r, uint64_t position);

/* The same, since the store has dropped the events before the position unread: makes the gap event
 * that says so. SSE_ENOMEM. */
int sse_reader_skip_to(sse_reader *r, uint64_t position, sse_frame **gap);

/* Asks for one call of on_ready, once there is something to read, or the channel is closed. */
void sse_reader_wait(sse_reader *r);

/* Leaves the channel: on_ready is not called any more. Harmless when it has left. */
void sse_reader_leave(sse_reader *r);

/* For a channel whose store has lost its log: readers get a gap event and go on with the window. */
void sse_readers_lose(sse_channel *c);

/* For the channel, after a publish and a close: has the on_ready of readers that wait called in
 * this turn, or in the next where the deferred calls of this one have begun. */
void sse_readers_wake(sse_channel *c);

#endif
