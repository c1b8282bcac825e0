#include "presence.h"

#include <stdlib.h>

typedef struct sse_presence_change {
    struct sse_presence_change *next;
    bool joined;
    uint8_t reason;
    size_t followers;
} sse_presence_change;

static void report_oldest(sse_presence *p)
{
    sse_presence_change *change = p->first;

    p->first = change->next;
    if (!p->first)
        p->last = &p->first;
    if (p->on_presence)
        p->on_presence(p->user, change->joined, change->followers, (sse_reason)change->reason);
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

void sse_presence_init(sse_presence *p, sse_loop *loop,
                       void (*on_presence)(void *user, bool joined, size_t followers,
                                           sse_reason reason),
                       void *user)
{
    *p = (sse_presence){ .loop = loop, .on_presence = on_presence, .user = user };
    p->last = &p->first;
    sse_deferred_init(&p->report, report_changes, p);
}

void sse_presence_note(sse_presence *p, bool joined, size_t followers, sse_reason reason)
{
    sse_presence_change *change = NULL;

    if (!p->wanted)
        return;
    change = malloc(sizeof *change);
    if (!change)
        return;
    *change = (sse_presence_change){ .joined = joined,
                                     .reason = (uint8_t)reason,
                                     .followers = followers };
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
