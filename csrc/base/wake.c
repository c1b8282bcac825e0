#include "wake.h"

#include <event2/event.h>
#include <unistd.h>

#include "../wire/error.h"

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    sse_wake *w = arg;
    char bytes[64];

    (void)what;
    while (read((int)fd, bytes, sizeof bytes) > 0)
        continue;
    w->call(w->arg);
}

int sse_wake_make(sse_wake *w, struct event_base *base, void (*call)(void *arg), void *arg)
{
    w->call = call;
    w->arg = arg;
    if (pipe(w->pipe)) {
        w->pipe[0] = w->pipe[1] = -1;
        return SSE_ESYS;
    }
    for (int i = 0; i < 2; i++) {
        evutil_make_socket_nonblocking(w->pipe[i]);
        evutil_make_socket_closeonexec(w->pipe[i]);
    }
    event_assign(&w->event, base, w->pipe[0], EV_READ | EV_PERSIST, on_readable, w);
    return event_add(&w->event, NULL) ? SSE_ESYS : SSE_OK;
}

void sse_wake_drop(sse_wake *w)
{
    if (w->pipe[0] < 0)
        return;
    event_del(&w->event);
    close(w->pipe[0]);
    close(w->pipe[1]);
    w->pipe[0] = w->pipe[1] = -1;
}

void sse_wake_up(const sse_wake *w)
{
    if (write(w->pipe[1], "", 1) < 0)
        return; /* the pipe is full, so it wakes the loop, too */
}
