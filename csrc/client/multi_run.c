#include "multi_run.h"

#include "multi_entries.h"

void sse_multi_touch(sse_multi *m, sse_shard *s)
{
    if (s->touched)
        return;
    s->touched = true;
    s->next_touched = m->touched;
    m->touched = s;
}

/* --- sockets that could not be watched -------------------------------------------------------- */

void sse_multi_on_unwatched(void *arg, CURL *easy)
{
    sse_multi_entry *e = NULL;

    (void)arg;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&e);
    if (e)
        e->unwatched = true;
}

static bool is_unwatched(const sse_shard *s, const sse_multi_entry *e)
{
    return e->added && e->shard == s && !e->removed &&
           (e->unwatched || sse_watcher_is_unwatched(&s->watcher, e->easy));
}

/* Fails the transfers whose socket could not be watched: libcurl would wait for it for ever. Begins
 * anew after each, because on_done may change the list. */
static void fail_unwatched(sse_multi *m, sse_shard *s)
{
    sse_multi_entry *e = NULL;

    do {
        for (e = m->entries; e && !is_unwatched(s, e); e = e->next)
            ;
        if (e)
            sse_multi_fail_entry(m, e, CURLE_OUT_OF_MEMORY);
    } while (e);
    sse_watcher_clear_unwatched(&s->watcher);
}

/* --- calls into libcurl ----------------------------------------------------------------------- */

static void report_done(sse_shard *s)
{
    CURLMsg *message = NULL;
    int left = 0;

    while (s->curl && (message = curl_multi_info_read(s->curl, &left))) {
        sse_multi_entry *e = NULL;
        int code = message->data.result; /* the removal frees the message */
        bool paused = false;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&e);
        paused = e->paused;
        sse_shard_remove(s, e, code == CURLE_OK);
        sse_lane_leave(e);
        /* Such bytes are freed only when the entry is destroyed, because freeing them changes the
         * handle, and on_done asks the handle why the transfer failed. */
        e->curl_keeps_bytes = paused;
        if (!e->removed)
            e->on_done(e, code);
    }
}

void sse_multi_run_postponed(sse_multi *m)
{
    if (m->in_curl || m->in_use)
        return;
    m->in_use++;
    sse_multi_destroy_removed(m);
    while (m->touched) {
        sse_shard *s = m->touched;

        m->touched = s->next_touched;
        s->touched = false;
        if (s->watcher.unwatched_count > 0)
            fail_unwatched(m, s);
        report_done(s);
        sse_shard_close_later(s);
    }
    m->in_use--;
}

/* Lifts the limits that libcurl has for connecting where they are over: libcurl would look at its
 * clock before it looks at the socket, though bytes may have come while the process slept. libcurl
 * needs the limit until then, to divide it among several addresses. */
static void lift_connect_limits(sse_multi *m)
{
    uint64_t now = sse_loop_now(m->loop);

    if (now < m->connect_due)
        return;
    m->connect_due = UINT64_MAX;
    for (sse_multi_entry *e = m->entries; e; e = e->next) {
        if (e->connect_due && e->connect_due <= now) {
            e->connect_due = 0;
            curl_easy_setopt(e->easy, CURLOPT_CONNECTTIMEOUT_MS, SSE_NO_CONNECT_LIMIT);
        } else if (e->connect_due && e->connect_due < m->connect_due) {
            m->connect_due = e->connect_due;
        }
    }
}

void sse_multi_act(sse_multi *m, sse_shard *s, curl_socket_t fd, int events)
{
    int running = 0;

    if (!s->curl)
        return;
    lift_connect_limits(m);
    m->in_curl++;
    curl_multi_socket_action(s->curl, fd, events, &running);
    m->in_curl--;
    sse_multi_touch(m, s);
    sse_multi_run_postponed(m);
}

void sse_multi_on_action(void *arg, sse_shard *s, curl_socket_t fd, int events)
{
    sse_multi *m = arg;
    uint64_t began = sse_loop_now_us(m->loop);

    sse_multi_act(m, s, fd, events);
    sse_multi_spend(m, &m->served, began);
}

/* --- sockets that are ready ------------------------------------------------------------------- */

bool sse_multi_must_queue(void *arg)
{
    sse_multi *m = arg;

    if (m->ready.first)
        return true;
    if (sse_multi_has_time(m, &m->served))
        return false;
    sse_loop_defer(m->loop, &m->ready_call);
    return true;
}

void sse_multi_serve_ready(void *arg)
{
    sse_multi *m = arg;

    while (m->ready.first && sse_multi_has_time(m, &m->served))
        sse_watcher_serve_first(&m->ready);
    if (m->ready.first)
        sse_loop_defer(m->loop, &m->ready_call);
}
