#include "multi_start.h"

#include "multi_entries.h"
#include "multi_run.h"

/* --- shards ----------------------------------------------------------------------------------- */

void sse_multi_close_shard(sse_multi *m, sse_shard *s)
{
    m->in_curl++;
    sse_shard_close(s);
    m->in_curl--;
}

static void on_shard_idle(void *arg, sse_shard *s)
{
    sse_multi *m = arg;

    if (s->count == 0 && !m->in_curl && !m->in_use)
        sse_multi_close_shard(m, s);
}

/* Finds the shard in which the entry begins: one that may have an idle connection for it, or where
 * a connection is that it can share, else the first with room. */
static sse_shard *find_shard(const sse_multi *m, const sse_multi_entry *e)
{
    sse_shard *s = e->lane && !e->lane->serial ? e->lane->shard : NULL;

    if (s && s->sockets.count < SSE_SHARD_CONNECTIONS)
        return s;
    for (s = m->shards; s; s = s->next)
        if (sse_shard_take_idle(s, e))
            return s;
    for (s = m->shards; s && !sse_shard_has_room(s); s = s->next)
        ;
    return s;
}

static sse_shard *get_shard(sse_multi *m, const sse_multi_entry *e)
{
    sse_shard *s = find_shard(m, e);

    if (s)
        return s;
    s = sse_shard_new(m->loop, &m->ready,
                      (sse_shard_callbacks){ .on_action = sse_multi_on_action,
                                             .on_unwatched = sse_multi_on_unwatched,
                                             .must_queue = sse_multi_must_queue,
                                             .on_idle = on_shard_idle,
                                             .arg = m });
    if (s) {
        *m->last_shard = s;
        m->last_shard = &s->next;
    }
    return s;
}

/* --- starts ----------------------------------------------------------------------------------- */

static void give_to_curl(sse_multi *m, sse_multi_entry *e)
{
    sse_shard *s = get_shard(m, e);
    int code = SSE_ENOMEM;

    if (e->lane && e->lane->serial) /* libcurl has no reason to wait for another connection */
        curl_easy_setopt(e->easy, CURLOPT_PIPEWAIT, 0L);
    if (s)
        code = sse_shard_add(s, e);
    if (code) {
        m->in_use++;
        sse_multi_fail_entry(m, e, code == SSE_ENOMEM ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT);
        m->in_use--;
        sse_multi_run_postponed(m);
        return;
    }
    if (e->lane)
        e->lane->shard = s;
    /* libcurl begins now, so that its time counts as a start's. */
    sse_multi_act(m, s, CURL_SOCKET_TIMEOUT, 0);
}

static void start_first(sse_multi *m)
{
    sse_multi_entry *e = m->starts.first;
    uint64_t began = sse_loop_now_us(m->loop);

    sse_entry_queue_take(e);
    if (!e->lane || !sse_lane_must_wait(e))
        give_to_curl(m, e);
    sse_multi_spend(m, &m->started, began);
}

void sse_multi_start_entries(sse_multi *m)
{
    while (m->starts.first && sse_multi_has_time(m, &m->started))
        start_first(m);
    if (m->starts.first)
        sse_loop_defer(m->loop, &m->start_call);
}

void sse_multi_on_start_call(void *arg)
{
    sse_multi_start_entries(arg);
}

void sse_multi_start_later(void *arg)
{
    sse_multi *m = arg;

    sse_loop_defer(m->loop, &m->start_call);
}
