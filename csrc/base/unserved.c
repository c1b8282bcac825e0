#include "unserved.h"

#include <stddef.h>

void sse_unserved_add(sse_unserved **list, sse_unserved *u)
{
    u->next = *list;
    u->link = list;
    if (u->next)
        u->next->link = &u->next;
    *list = u;
}

void sse_unserved_remove(sse_unserved *u)
{
    if (!u->link)
        return;
    *u->link = u->next;
    if (u->next)
        u->next->link = u->link;
    u->link = NULL;
}

void sse_unserved_await(sse_unserved *list)
{
    for (sse_unserved *u = list; u; u = u->next)
        u->awaited = u->next_order;
}

bool sse_unserved_waits(const sse_unserved *list)
{
    while (list && list->oldest >= list->awaited)
        list = list->next;
    return list != NULL;
}
