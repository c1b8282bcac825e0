#include "alike.h"

#include <stdlib.h>

#include "channel_types.h"
#include "place.h"

struct sse_alike {
    sse_frame *frame;
    uint64_t to;
    uint64_t head; /* of the channel when it was made; an append since then makes it useless */
    size_t count;
    struct {
        const sse_channel *channel;
        uint64_t cursor;
        unsigned era; /* of the channel's log */
    } places[];       /* of the stream, in the order of its ids */
};

/* Compares the places in the order of the stream's ids, which begin with the follower's channel. */
static bool stands_alike(const struct sse_alike *a, const sse_follower *f)
{
    const sse_follower *g = f;
    size_t i = 0;

    do {
        if (i == a->count || g->channel != a->places[i].channel ||
            g->cursor != a->places[i].cursor || g->channel->era != a->places[i].era ||
            g->lost_epoch)
            return false;
        i++;
        g = sse_place_next(g);
    } while (g != f);
    return i == a->count;
}

sse_frame *sse_alike_find(const struct sse_alike *a, const sse_follower *f, uint64_t *to)
{
    if (!a || a->head != f->channel->log.next || !stands_alike(a, f))
        return NULL;
    *to = a->to;
    return sse_frame_ref(a->frame);
}

void sse_alike_keep(struct sse_alike **a, const sse_follower *f, sse_frame *frame, uint64_t to)
{
    const sse_follower *g = f;
    struct sse_alike *made = NULL;
    size_t count = 0, i = 0;

    sse_alike_drop(a);
    for (g = f->stream->followers; g; g = g->next_of_stream, count++)
        if (g->lost_epoch)
            return;
    made = malloc(sizeof *made + count * sizeof made->places[0]);
    if (!made)
        return;
    made->frame = sse_frame_ref(frame);
    made->to = to;
    made->head = f->channel->log.next;
    made->count = count;
    for (g = f; i < count; g = sse_place_next(g), i++) {
        made->places[i].channel = g->channel;
        made->places[i].cursor = g->cursor;
        made->places[i].era = g->channel->era;
    }
    *a = made;
}

void sse_alike_drop(struct sse_alike **a)
{
    if (!*a)
        return;
    sse_frame_drop_deflated((*a)->frame);
    sse_frame_unref((*a)->frame);
    free(*a);
    *a = NULL;
}
