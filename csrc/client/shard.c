#include "shard.h"

#include <stdlib.h>
#include <string.h>

#include "close_on_exec.h"

/* Streams of one HTTP/2 connection where the server allows that many. For each packet libcurl looks
 * at all transfers of a connection. */
#define MAX_STREAMS 1000L

static uint16_t *idle_of(sse_shard *s, const sse_multi_entry *e)
{
    return &s->idle[e->origin % SSE_SHARD_SLOTS];
}

/* --- callbacks of the watcher ----------------------------------------------------------------- */

static void on_action(void *arg, curl_socket_t fd, int events)
{
    sse_shard *s = arg;

    s->callbacks.on_action(s->callbacks.arg, s, fd, events);
}

static void on_unwatched(void *arg, CURL *easy)
{
    const sse_shard *s = arg;

    s->callbacks.on_unwatched(s->callbacks.arg, easy);
}

static bool must_queue(void *arg)
{
    const sse_shard *s = arg;

    return s->callbacks.must_queue(s->callbacks.arg);
}

static void on_idle_timer(void *arg)
{
    sse_shard *s = arg;

    s->callbacks.on_idle(s->callbacks.arg, s);
}

/* --- new, open, close ------------------------------------------------------------------------- */

sse_shard *sse_shard_new(sse_loop *loop, sse_ready_queue *ready, sse_shard_callbacks callbacks)
{
    sse_shard *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->callbacks = callbacks;
    sse_watcher_init(&s->watcher, loop, ready,
                     (sse_watcher_callbacks){ .on_action = on_action,
                                              .on_unwatched = on_unwatched,
                                              .must_queue = must_queue,
                                              .arg = s });
    sse_timer_init(&s->idle_timer, loop, on_idle_timer, s);
    return s;
}

static int open_curl(sse_shard *s)
{
    sse_hidden_pair wakeup;

    if (s->curl)
        return SSE_OK;
    sse_hidden_pair_expect(&wakeup);
    s->curl = curl_multi_init();
    sse_hidden_pair_close_on_exec(&wakeup);
    if (!s->curl)
        return SSE_ENOMEM;
    curl_multi_setopt(s->curl, CURLMOPT_MAX_CONCURRENT_STREAMS, MAX_STREAMS);
    sse_watcher_start(&s->watcher, s->curl);
    return SSE_OK;
}

void sse_shard_close(sse_shard *s)
{
    sse_timer_stop(&s->idle_timer);
    if (!s->curl)
        return;
    curl_multi_cleanup(s->curl);
    s->curl = NULL;
    memset(s->idle, 0, sizeof s->idle);
    sse_watcher_stop(&s->watcher);
}

void sse_shard_close_later(sse_shard *s)
{
    if (s->curl && s->count == 0 && sse_timer_start(&s->idle_timer, SSE_SHARD_IDLE, false))
        sse_shard_close(s);
}

void sse_shard_free(sse_shard *s)
{
    sse_shard_close(s);
    sse_sockets_free(&s->sockets);
    free(s);
}

/* --- transfers -------------------------------------------------------------------------------- */

int sse_shard_add(sse_shard *s, sse_multi_entry *e)
{
    int code = open_curl(s);

    if (code)
        return code;
    sse_watcher_add_easy(&s->watcher, e->easy);
    sse_sockets_add_easy(&s->sockets, e->easy);
    if (curl_multi_add_handle(s->curl, e->easy)) {
        sse_shard_close_later(s);
        return SSE_ESYS;
    }
    sse_timer_stop(&s->idle_timer);
    e->shard = s;
    e->added = e->alone = true;
    s->count++;
    s->alone++;
    return SSE_OK;
}

void sse_shard_share_connection(sse_multi_entry *e)
{
    if (e->alone)
        e->shard->alone--;
    e->alone = false;
}

void sse_shard_remove(sse_shard *s, sse_multi_entry *e, bool kept)
{
    uint16_t *idle = idle_of(s, e);

    curl_multi_remove_handle(s->curl, e->easy);
    e->added = e->paused = false;
    s->count--;
    if (kept && !e->alone)
        *idle = *idle ? *idle : 1;
    else if (kept && *idle < SSE_SHARD_CONNECTIONS)
        ++*idle;
    sse_shard_share_connection(e);
}

bool sse_shard_take_idle(sse_shard *s, const sse_multi_entry *e)
{
    uint16_t *idle = idle_of(s, e);

    if (!*idle)
        return false;
    if (s->sockets.count <= s->alone) { /* they have been closed */
        *idle = 0;
        return false;
    }
    if (!e->multiplexes)
        --*idle;
    return true;
}

bool sse_shard_has_room(const sse_shard *s)
{
    return s->alone < SSE_SHARD_CONNECTIONS && s->sockets.count < SSE_SHARD_CONNECTIONS;
}
