/* place.h: the ids that a stream sends, and blocks that have only an id: they tell a client where
 * its stream stands, so that it misses nothing if it loses the connection before the next event. */
#ifndef SSE_PUSH_PLACE_H
#define SSE_PUSH_PLACE_H

#include "channel_types.h"

/* The follower behind f among those of its stream, and after the last one the first. The ids of an
 * event have the parts of the other channels in this order, and that of its own channel last. */
const sse_follower *sse_place_next(const sse_follower *f);

/* Appends what the id lines of events of f's channel begin with: where the stream stands in its
 * other channels. SSE_ENOMEM. */
int sse_place_append_others(const sse_follower *f, sse_buffer *out);

/* Appends the id line of an event on a stream of several channels: where the stream stands in each
 * of them once it has the event at `position` of f's channel. others: of sse_place_append_others.
 * SSE_ENOMEM. */
int sse_place_append_line(const sse_follower *f, uint64_t position, sse_slice others,
                          sse_buffer *out);

/* Notes that the client was sent an id of the stream, with the places in all its channels. */
void sse_place_note_told(sse_stream *s);

/* Sends a block that has only an id. If it can't be sent now it will be as soon as possible. */
void sse_place_tell(sse_stream *s);

/* Sends such a block where the client has not been told of so many events that they may soon have
 * left the history: about half of it. */
void sse_place_tell_in_time(sse_follower *f);

/* Sends such a block where the client has not been told of any events; returns whether one was
 * sent. */
bool sse_place_on_heartbeat(sse_stream *s);

#endif
