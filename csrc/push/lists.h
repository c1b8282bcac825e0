/* lists.h: the two lists of a channel that a follower may be in. Those in `followers` are served by
 * rounds; those in the window's `waiting` are served pages. */
#ifndef SSE_PUSH_LISTS_H
#define SSE_PUSH_LISTS_H

#include "channel_types.h"

/* Puts the follower, which is in no list, at the front of its channel's followers: a round under
 * way does not meet it. */
void sse_lists_insert(sse_follower *f);

/* Takes the follower out of the list that it is in. */
void sse_lists_remove(sse_follower *f);

/* Moves a follower of a channel with a window to the end of those that wait for a page, and has
 * them looked after. */
void sse_lists_wait(sse_follower *f);

/* Has those that wait for a page looked after, each once more: something has come for them. */
void sse_lists_attend(sse_channel *c);

/* Moves a follower that waits to the channel's followers. */
void sse_lists_return(sse_follower *f);

#endif
