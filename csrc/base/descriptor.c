#include "descriptor.h"

#include <fcntl.h>
#include <poll.h>

static void finish(sse_descriptor_wait *w)
{
    sse_descriptor_wait_stop(w);
    w->call(w->arg);
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    finish(arg);
}

static void on_ready_now(void *arg)
{
    finish(arg);
}

/* Whether the descriptor is ready now. What epoll refuses to watch, files and devices without a
 * queue, always is. */
static bool is_ready(int fd, bool to_write)
{
    struct pollfd p = { .fd = fd, .events = to_write ? POLLOUT : POLLIN };

    return poll(&p, 1, 0) > 0 && !(p.revents & POLLNVAL);
}

int sse_descriptor_wait_start(sse_descriptor_wait *w, sse_loop *loop, int fd, bool to_write,
                              void (*call)(void *arg), void *arg)
{
    if (fcntl(fd, F_GETFD) < 0)
        return SSE_ECLOSED;
    w->loop = loop;
    w->call = call;
    w->arg = arg;
    event_assign(&w->event, sse_loop_base(loop), fd, to_write ? EV_WRITE : EV_READ, on_event, w);
    sse_deferred_init(&w->ready_now, on_ready_now, w);
    if (is_ready(fd, to_write))
        sse_loop_defer(loop, &w->ready_now);
    else if (event_add(&w->event, NULL))
        return SSE_ESYS;
    sse_loop_ref(loop);
    w->waits = true;
    return SSE_OK;
}

void sse_descriptor_wait_stop(sse_descriptor_wait *w)
{
    if (!w->waits)
        return;
    w->waits = false;
    event_del(&w->event);
    sse_loop_undefer(w->loop, &w->ready_now);
    sse_loop_unref(w->loop);
}

/* --- a watch ---------------------------------------------------------------------------------- */

static void on_watched(evutil_socket_t fd, short what, void *arg)
{
    sse_descriptor_watch *w = arg;
    sse_loop *loop = w->loop;

    (void)fd;
    (void)what;
    w->call(w->arg);
    sse_loop_end_poll(loop);
}

int sse_descriptor_watch_start(sse_descriptor_watch *w, sse_loop *loop, int fd, bool to_write,
                               void (*call)(void *arg), void *arg)
{
    short what = to_write ? EV_WRITE : EV_READ;

    w->call = call;
    w->arg = arg;
    event_assign(&w->event, sse_loop_base(loop), fd, (short)(what | EV_PERSIST), on_watched, w);
    if (event_add(&w->event, NULL))
        return SSE_ESYS;
    w->loop = loop;
    return SSE_OK;
}

void sse_descriptor_watch_keep(sse_descriptor_watch *w, bool keeps)
{
    if (!w->loop || w->keeps == keeps)
        return;
    w->keeps = keeps;
    if (keeps)
        sse_loop_ref(w->loop);
    else
        sse_loop_unref(w->loop);
}

void sse_descriptor_watch_stop(sse_descriptor_watch *w)
{
    if (!w->loop)
        return;
    sse_descriptor_watch_keep(w, false);
    event_del(&w->event);
    w->loop = NULL;
}
