/* batch.h: consecutive events of a log joined in one frame. Most followers of a channel stand at
 * the same position, so the last few batches are kept and shared. */
#ifndef SSE_PUSH_BATCH_H
#define SSE_PUSH_BATCH_H

#include "../wire/log.h"

#define SSE_BATCH_BYTES ((size_t)64 << 10) /* payload of a batch; a larger event is sent alone */
#define SSE_BATCHES     4                  /* batches kept */

/* The events from <= position < to in one frame. */
typedef struct sse_batch {
    sse_frame *frame; /* NULL: no batch */
    uint64_t from, to;
} sse_batch;

typedef struct sse_batches {
    sse_batch kept[SSE_BATCHES];
    uint64_t head; /* log->next when they were made; an append since then makes them useless */
    unsigned next; /* modulo SSE_BATCHES: the batch that the next one replaces */
} sse_batches;

/* Joins the events from position `from` (before log->next) on, leaving superseded ones out: at
 * least one event, and no more than SSE_BATCH_BYTES of several. *out gets the frame, with a
 * reference for the caller; *to the position after its last event. SSE_ENOMEM. */
int sse_batches_get(sse_batches *b, const sse_log *log, uint64_t from, sse_frame **out,
                    uint64_t *to);

/* The batch that was made last, if it has all events from position `from` to the head of the log;
 * else NULL. */
static inline const sse_batch *sse_batches_last(const sse_batches *b, const sse_log *log,
                                                uint64_t from)
{
    const sse_batch *last = &b->kept[(b->next - 1) % SSE_BATCHES];

    return last->from == from && last->to == log->next && last->frame ? last : NULL;
}

/* Drops the batches that are kept, and the deflated copies of their frames. */
void sse_batches_drop(sse_batches *b);

#endif
