#include "due.h"

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
