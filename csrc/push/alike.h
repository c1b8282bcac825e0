/* alike.h: the last batch that was made for a stream of several channels. Streams that stand alike,
 * at the same positions of the same channels, get the same frame: its ids are made once, and so is
 * its deflated copy. */
#ifndef SSE_PUSH_ALIKE_H
#define SSE_PUSH_ALIKE_H

#include "../wire/frame.h"

struct sse_follower;
struct sse_alike;

/* Returns the frame of that batch, with a reference for the caller, where the follower's stream
 * stands as the one for which it was made did; else NULL. *to: as sse_alike_keep was given it. */
sse_frame *sse_alike_find(const struct sse_alike *a, const struct sse_follower *f, uint64_t *to);

/* Keeps the frame of the follower's next batch, before its cursor moves to `to`, in place of what
 * was kept. Keeps nothing where there is no memory. */
void sse_alike_keep(struct sse_alike **a, const struct sse_follower *f, sse_frame *frame,
                    uint64_t to);

/* Drops what is kept, and the deflated copy of its frame. */
void sse_alike_drop(struct sse_alike **a);

#endif
