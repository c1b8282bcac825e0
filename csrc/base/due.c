#include "due.h"

#include <event2/event.h>

#include "../wire/error.h"
#include "clock.h"

void sse_due_init(sse_due *due)
{
    *due = (sse_due){ 0 };
    due->punctual.tail = &due->punctual.head;
    due->patient.tail = &due->patient.head;
}

bool sse_due_any(const sse_due *due)
{
    return due->punctual.head || due->patient.head;
}

static sse_due_list *list_of(sse_due *due, const sse_timer *t)
{
    return t->punctual ? &due->punctual : &due->patient;
}

void sse_due_put(sse_due *due, sse_timer *t)
{
    sse_due_list *list = list_of(due, t);

    if (t->link)
        return;
    t->order = due->entries++;
    t->next = NULL;
    t->link = list->tail;
    *t->link = t;
    list->tail = &t->next;
}

void sse_due_take(sse_due *due, sse_timer *t)
{
    if (!t->link)
        return;
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    else
        list_of(due, t)->tail = t->link;
    t->link = NULL;
}

void sse_due_set_mark(sse_due *due)
{
    due->mark = due->entries;
}

sse_timer *sse_due_next_punctual(const sse_due *due)
{
    return due->punctual.head;
}

sse_timer *sse_due_next(const sse_due *due)
{
    sse_timer *t = due->punctual.head, *patient = due->patient.head;

    if (!t || (patient && patient->order < t->order))
        t = patient;
    return t && t->order < due->mark ? t : NULL;
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

void sse_due_repeat(sse_due *due, sse_timer *t)
{
    uint64_t now = sse_clock_us();

    t->at += t->period;
    if (t->at < now)
        t->at = now + t->period;
    if (sse_due_await(t, t->at - now))
        sse_due_put(due, t);
}
