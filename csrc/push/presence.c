#include "presence.h"

#include <stdlib.h>

static void report_oldest(sse_presence *p)
{
    sse_presence_change *change = p->first;

    p->first = change->next;
    if (!p->first)
        p->last = &p->first;
    if (p->on->on_presence)
        p->on->on_presence(p->user, change);
    free(change);
}

/* Reports changes until the turn's time is used up: hundreds may come in one turn. */
static void report_changes(void *arg)
{
    sse_presence *p = arg;
    sse_loop *loop = p->loop;
    bool freed = false;

    p->freed = &freed;
    for (bool over = false; !freed && p->first && !over;) {
        report_oldest(p);
        over = sse_loop_slice_over(loop, sse_loop_now_us(loop));
    }
    if (freed)
        return;
    p->freed = NULL;
    if (p->first)
        sse_loop_defer(loop, &p->report);
}

void sse_presence_init(sse_presence *p, sse_loop *loop, const sse_presence_events *on, void *user)
{
    *p = (sse_presence){ .loop = loop, .on = on, .user = user };
    p->last = &p->first;
    sse_deferred_init(&p->report, report_changes, p);
}

void sse_presence_note(sse_presence *p, struct sse_stream *stream, bool joined, size_t followers,
                       sse_reason reason)
{
    sse_presence_change *change = NULL;

    if (!p->wanted)
        return;
    change = malloc(sizeof *change);
    if (!change)
        return;
    *change = (sse_presence_change){ .held = p->on->hold_stream ? p->on->hold_stream(stream) : NULL,
                                     .followers = followers,
                                     .joined = joined,
                                     .reason = (uint8_t)reason };
    *p->last = change;
    p->last = &change->next;
    sse_loop_defer(p->loop, &p->report);
}

void sse_presence_free(sse_presence *p)
{
    sse_loop_undefer(p->loop, &p->report);
    if (p->freed)
        *p->freed = true;
    p->wanted = false;
    while (p->first) {
        sse_presence_change *change = p->first;

        p->first = change->next;
        free(change);
    }
}
