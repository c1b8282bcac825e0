#include "watcher.h"

#include <stddef.h>
#include <stdlib.h>

/* One socket that libcurl wants watched. */
typedef struct sse_socket_watch {
    struct sse_socket_watch *next, **link;
    struct event event;
    sse_ready ready;
} socket_watch;

/* --- what is ready ---------------------------------------------------------------------------- */

static void put_ready(sse_ready *r, short what)
{
    sse_ready_queue *q = r->watcher->queue;

    if (r->what)
        return;
    r->what = what;
    r->order = q->unserved.next_order++;
    r->before = q->last;
    r->after = NULL;
    if (q->last)
        q->last->after = r;
    else
        q->first = r;
    q->last = r;
}

static void take_ready(sse_ready *r)
{
    sse_ready_queue *q = r->watcher->queue;

    if (!r->what)
        return;
    if (r->before)
        r->before->after = r->after;
    else
        q->first = r->after;
    if (r->after)
        r->after->before = r->before;
    else
        q->last = r->before;
    r->what = 0;
    q->unserved.oldest = q->first ? q->first->order : q->unserved.next_order;
}

static void act(sse_watcher *w, curl_socket_t fd, short what)
{
    int events = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

    w->callbacks.on_action(w->callbacks.arg, fd, fd == CURL_SOCKET_TIMEOUT ? 0 : events);
}

/* --- sockets ---------------------------------------------------------------------------------- */

/* A socket that waits in the queue is not watched meanwhile: it would be reported in every turn. */
static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    socket_watch *s = arg;
    sse_watcher *w = s->ready.watcher;

    if (!w->callbacks.must_queue(w->callbacks.arg)) {
        act(w, fd, what);
        return;
    }
    event_del(&s->event);
    put_ready(&s->ready, what);
}

/* A socket that could not be watched. A socket callback that reports a failure makes libcurl 7.88
 * crash. So the failure is recorded here, and on_socket returns as if it had watched the socket. */
static void record_unwatched(sse_watcher *w, curl_socket_t fd)
{
    if (w->unwatched_count < SSE_MAX_UNWATCHED)
        w->unwatched[w->unwatched_count] = fd;
    w->unwatched_count++;
}

/* Watches again a socket that has been in the queue. */
static void watch_again(sse_ready *r)
{
    socket_watch *s = (socket_watch *)((char *)r - offsetof(socket_watch, ready));

    if (event_add(&s->event, NULL))
        record_unwatched(r->watcher, r->fd);
}

void sse_watcher_serve_first(sse_ready_queue *queue)
{
    sse_ready *r = queue->first;
    sse_watcher *w = r->watcher;
    curl_socket_t fd = r->fd;
    short what = r->what;

    take_ready(r);
    if (fd != CURL_SOCKET_TIMEOUT)
        watch_again(r);
    act(w, fd, what); /* may free r */
}

static void free_watch(socket_watch *s)
{
    take_ready(&s->ready);
    event_del(&s->event);
    *s->link = s->next;
    if (s->next)
        s->next->link = s->link;
    free(s);
}

static socket_watch *new_watch(sse_watcher *w, curl_socket_t fd)
{
    socket_watch *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->ready = (sse_ready){ .watcher = w, .fd = fd };
    s->next = w->watches;
    s->link = &w->watches;
    if (s->next)
        s->next->link = &s->next;
    w->watches = s;
    return s;
}

/* Of the resolver's pair of sockets, libcurl asks to watch one; both must not be inherited. */
static void set_close_on_exec(sse_watcher *w, curl_socket_t fd)
{
    sse_close_on_exec(fd);
    if (fd == w->resolver.fd[0] || fd == w->resolver.fd[1])
        sse_hidden_pair_close_on_exec(&w->resolver);
}

/* libcurl's CURLMOPT_SOCKETFUNCTION. `held` is what curl_multi_assign gave the socket: its watch,
 * or NULL. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *held)
{
    sse_watcher *w = arg;
    socket_watch *s = held;
    int events =
        EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

    if (what == CURL_POLL_REMOVE) {
        curl_multi_assign(w->curl, fd, NULL);
        if (s)
            free_watch(s);
        return 0;
    }
    if (s) {
        event_del(&s->event);
    } else {
        set_close_on_exec(w, fd);
        s = new_watch(w, fd);
        if (!s) {
            w->callbacks.on_unwatched(w->callbacks.arg, easy);
            record_unwatched(w, fd);
            return 0;
        }
        curl_multi_assign(w->curl, fd, s);
    }
    event_assign(&s->event, sse_loop_base(w->loop), fd, (short)events, on_ready, s);
    if (!s->ready.what && event_add(&s->event, NULL)) {
        w->callbacks.on_unwatched(w->callbacks.arg, easy);
        record_unwatched(w, fd);
    }
    return 0;
}

static int on_resolve(void *resolver, void *reserved, void *arg)
{
    sse_watcher *w = arg;

    (void)resolver;
    (void)reserved;
    sse_hidden_pair_expect(&w->resolver);
    return 0;
}

bool sse_watcher_is_unwatched(const sse_watcher *w, CURL *easy)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (w->unwatched_count > SSE_MAX_UNWATCHED)
        return true;
    curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd);
    for (size_t i = 0; fd != CURL_SOCKET_BAD && i < w->unwatched_count; i++)
        if (w->unwatched[i] == fd)
            return true;
    return false;
}

void sse_watcher_clear_unwatched(sse_watcher *w)
{
    w->unwatched_count = 0;
}

/* --- the timeout ------------------------------------------------------------------------------ */

static void on_timer(void *arg)
{
    sse_watcher *w = arg;

    if (w->callbacks.must_queue(w->callbacks.arg))
        put_ready(&w->timeout, EV_TIMEOUT);
    else
        act(w, CURL_SOCKET_TIMEOUT, EV_TIMEOUT);
}

/* Starts the timer for timer_due; where that fails, tries again in each turn of the loop. */
static void start_timer(sse_watcher *w)
{
    uint64_t now = sse_loop_now(w->loop);

    if (sse_timer_start(&w->timer, w->timer_due > now ? w->timer_due - now : 0, false))
        sse_loop_defer(w->loop, &w->timer_call);
}

static void on_timer_call(void *arg)
{
    sse_watcher *w = arg;

    if (sse_loop_now(w->loop) >= w->timer_due)
        on_timer(w);
    else
        start_timer(w);
}

static void stop_timer(sse_watcher *w)
{
    sse_timer_stop(&w->timer);
    sse_loop_undefer(w->loop, &w->timer_call);
    take_ready(&w->timeout);
}

/* libcurl's CURLMOPT_TIMERFUNCTION: a timeout in `ms`, or none when that is negative. With 0
 * libcurl has work to do, such as bytes it has read for another stream of an HTTP/2 connection:
 * that is done in this turn, before any timer judges how long nothing has come. */
static int on_timeout_change(CURLM *curl, long ms, void *arg)
{
    sse_watcher *w = arg;

    (void)curl;
    stop_timer(w);
    if (ms < 0)
        return 0;
    w->timer_due = sse_loop_now(w->loop) + (uint64_t)ms;
    if (ms > 0)
        start_timer(w);
    else
        sse_loop_defer(w->loop, &w->timer_call);
    return 0;
}

/* --- init, start and stop --------------------------------------------------------------------- */

void sse_watcher_init(sse_watcher *w, sse_loop *loop, sse_ready_queue *queue,
                      sse_watcher_callbacks callbacks)
{
    *w = (sse_watcher){ .loop = loop,
                        .queue = queue,
                        .callbacks = callbacks,
                        .timeout = { .watcher = w, .fd = CURL_SOCKET_TIMEOUT },
                        .resolver = { { -1, -1 } } };
    sse_timer_init(&w->timer, loop, on_timer, w);
    sse_deferred_init(&w->timer_call, on_timer_call, w);
}

void sse_watcher_start(sse_watcher *w, CURLM *curl)
{
    w->curl = curl;
    curl_multi_setopt(curl, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(curl, CURLMOPT_SOCKETDATA, w);
    curl_multi_setopt(curl, CURLMOPT_TIMERFUNCTION, on_timeout_change);
    curl_multi_setopt(curl, CURLMOPT_TIMERDATA, w);
}

void sse_watcher_stop(sse_watcher *w)
{
    w->curl = NULL;
    stop_timer(w);
    for (socket_watch *s = w->watches, *next = NULL; s; s = next) {
        next = s->next;
        free_watch(s);
    }
}

void sse_watcher_add_easy(sse_watcher *w, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, on_resolve);
    curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, w);
}
