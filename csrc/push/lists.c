#include "lists.h"

void sse_lists_insert(sse_follower *f)
{
    sse_channel *c = f->channel;

    f->next = c->followers;
    f->link = &c->followers;
    if (f->next)
        f->next->link = &f->next;
    c->followers = f;
}

void sse_lists_remove(sse_follower *f)
{
    sse_channel *c = f->channel;
    sse_window *w = f->waiting ? c->window : NULL;

    if (w && w->next == f)
        w->next = f->next;
    if (c->round.next == f)
        c->round.next = f->next;
    *f->link = f->next;
    if (f->next)
        f->next->link = f->link;
    else if (w)
        w->last = f->link;
    f->waiting = false;
}

void sse_lists_attend(sse_channel *c)
{
    c->window->again = true;
    sse_loop_defer_work(c->loop, &c->window->run);
}

void sse_lists_wait(sse_follower *f)
{
    sse_window *w = f->channel->window;

    sse_lists_remove(f);
    f->next = NULL;
    f->link = w->last;
    *w->last = f;
    w->last = &f->next;
    f->waiting = true;
    f->live = false;
    sse_lists_attend(f->channel);
}

void sse_lists_return(sse_follower *f)
{
    sse_channel *c = f->channel;

    sse_lists_remove(f);
    sse_lists_insert(f);
    if (f->cursor < c->owed_writable)
        c->owed_writable = f->cursor;
}
