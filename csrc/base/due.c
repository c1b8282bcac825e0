#include "due.h"

#include <event2/event.h>

#include "../wire/error.h"
#include "clock.h"

void sse_due_init(sse_due *list)
{
    *list = (sse_due){ 0 };
    list->tail = &list->head;
}

void sse_due_put(sse_due *list, sse_timer *t)
{
    if (t->link)
        return;
    t->next = NULL;
    t->link = list->tail;
    *t->link = t;
    list->tail = &t->next;
}

void sse_due_take(sse_due *list, sse_timer *t)
{
    if (!t->link)
        return;
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    else
        list->tail = t->link;
    t->link = NULL;
}

sse_timer *sse_due_next(const sse_due *list, bool punctual)
{
    sse_timer *t = list->head;

    if (!punctual)
        return t != &list->mark ? t : NULL;
    while (t && !t->punctual)
        t = t->next;
    return t;
}

int sse_due_await(sse_timer *t, uint64_t us)
{
    const uint64_t longest = (uint64_t)INT32_MAX * 1000000; /* 68 years: within any time_t */
    struct timeval tv;

    if (us > longest)
        us = longest;
    tv = (struct timeval){ .tv_sec = (time_t)(us / 1000000),
                           .tv_usec = (suseconds_t)(us % 1000000) };
    return event_add(&t->event, &tv) ? SSE_ENOMEM : SSE_OK;
}

void sse_due_repeat(sse_due *list, sse_timer *t)
{
    uint64_t now = sse_clock_us();

    t->at += t->period;
    if (t->at < now)
        t->at = now + t->period;
    if (sse_due_await(t, t->at - now))
        sse_due_put(list, t);
}
