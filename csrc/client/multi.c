#include "multi.h"

#include <stdlib.h>

#include "multi_entries.h"
#include "multi_run.h"
#include "multi_start.h"
#include "resident.h"

bool sse_multi_may_start(sse_multi *m)
{
    uint64_t now = sse_loop_now_us(m->loop), turn = sse_loop_turns(m->loop);

    if (m->requested_turn != turn)
        m->requested_since = now;
    m->requested_turn = turn;
    return now - m->requested_since < SSE_MULTI_SHARE;
}

/* --- fork ------------------------------------------------------------------------------------- */

/* Runs in a forked child, where the parent's transfers cannot go on: their connections are the
 * parent's, the threads that look names up exist in the parent only, and the parent starts those
 * that wait for it. They fail in a deferred call, because libcurl may be at work now. */
static void on_fork(void *arg, int closed_fd)
{
    sse_multi *m = arg;

    m->forks++;
    for (sse_shard *s = m->shards; s; s = s->next)
        sse_sockets_replace(&s->sockets, closed_fd);
    for (sse_multi_entry *e = m->entries; e; e = e->next)
        e->from_parent = true;
    if (m->entries)
        sse_loop_defer_first(m->loop, &m->fork_end);
}

static sse_multi_entry *find_from_parent(const sse_multi *m)
{
    sse_multi_entry *e = m->entries;

    while (e && !(e->from_parent && (e->added || e->queue_link) && !e->removed))
        e = e->next;
    return e;
}

static void fail_from_parent(void *arg)
{
    sse_multi *m = arg;
    sse_multi_entry *e = NULL;

    m->in_use++;
    while ((e = find_from_parent(m)))
        sse_multi_fail_entry(m, e, CURLE_RECV_ERROR);
    m->in_use--;
    sse_multi_run_postponed(m);
}

/* --- new and free ----------------------------------------------------------------------------- */

static CURLSH *new_share(bool cookies)
{
    CURLSH *share = curl_share_init();

    if (!share)
        return NULL;
    curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION); /* may fail: no TLS */
    curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
    if (cookies)
        curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
    return share;
}

static void free_shares(sse_multi *m)
{
    curl_share_cleanup(m->sessions); /* NULL is harmless */
    curl_share_cleanup(m->cookies);
}

int sse_multi_new(sse_multi **out, sse_loop *loop)
{
    sse_multi *m = NULL;

    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        return SSE_ESYS;
    m = calloc(1, sizeof *m);
    if (!m)
        goto fail;
    m->sessions = new_share(false);
    m->cookies = new_share(true);
    if (!m->sessions || !m->cookies)
        goto fail;
    m->loop = loop;
    m->connect_due = UINT64_MAX;
    m->last_shard = &m->shards;
    m->lanes = (sse_lanes){
        .loop = loop, .ready = &m->starts, .on_ready = sse_multi_start_later, .arg = m
    };
    sse_timer_init(&m->trim_timer, loop, sse_multi_on_trim_timer, m);
    sse_deferred_init(&m->ready_call, sse_multi_serve_ready, m);
    sse_deferred_init(&m->start_call, sse_multi_on_start_call, m);
    sse_deferred_init(&m->destroy_call, sse_multi_on_destroy_call, m);
    sse_deferred_init(&m->fork_end, fail_from_parent, m);
    sse_loop_add_fork_handler(loop, &m->fork_handler, on_fork, m);
    sse_loop_add_unserved(loop, &m->ready.unserved);
    sse_stay_resident();
    *out = m;
    return SSE_OK;
fail:
    if (m)
        free_shares(m);
    free(m);
    curl_global_cleanup();
    return SSE_ENOMEM;
}

void sse_multi_free(sse_multi *m)
{
    if (!m)
        return;
    sse_multi_destroy_all_removed(m);
    sse_timer_stop(&m->trim_timer);
    while (m->shards) {
        sse_shard *s = m->shards;

        m->shards = s->next;
        sse_shard_free(s);
    }
    sse_easy_pool_free(&m->easy_pool); /* its handles use the shares */
    free_shares(m);
    sse_loop_remove_fork_handler(&m->fork_handler);
    sse_unserved_remove(&m->ready.unserved);
    sse_loop_undefer(m->loop, &m->fork_end);
    sse_loop_undefer(m->loop, &m->ready_call);
    sse_loop_undefer(m->loop, &m->start_call);
    sse_loop_undefer(m->loop, &m->destroy_call);
    free(m);
    curl_global_cleanup();
}

/* --- what owners ask for ---------------------------------------------------------------------- */

void sse_multi_set_on_many_ended(sse_multi *m, void (*call)(void *arg), void *arg)
{
    m->on_many_ended = call;
    m->on_many_ended_arg = arg;
}

void sse_multi_enter(sse_multi *m, sse_multi_entry *e)
{
    sse_multi_list(m, e);
}

size_t sse_multi_count(const sse_multi *m)
{
    return m->entry_count;
}

unsigned sse_multi_forks(const sse_multi *m)
{
    return m->forks;
}

sse_loop *sse_multi_loop(const sse_multi *m)
{
    return m->loop;
}

void *sse_multi_share(const sse_multi *m, bool cookies)
{
    return cookies ? m->cookies : m->sessions;
}

sse_easy_pool *sse_multi_easy_pool(sse_multi *m)
{
    return &m->easy_pool;
}

void sse_multi_close_idle(sse_multi *m)
{
    if (m->in_curl || m->in_use)
        return;
    sse_multi_destroy_all_removed(m);
    if (m->entry_count > 0)
        return;
    for (sse_shard *s = m->shards; s; s = s->next)
        sse_multi_close_shard(m, s);
}

void sse_multi_add(sse_multi *m, sse_multi_entry *e)
{
    if (e->from_parent) {
        sse_multi_fail(m, e, CURLE_RECV_ERROR);
        return;
    }
    curl_easy_setopt(e->easy, CURLOPT_PRIVATE, e);
    if (e->connect_due && e->connect_due < m->connect_due)
        m->connect_due = e->connect_due;
    if (e->multiplexes && sse_lane_enter(&m->lanes, e)) {
        sse_multi_fail(m, e, CURLE_OUT_OF_MEMORY);
        return;
    }
    sse_entry_queue_put(&m->starts, e);
    if (m->in_curl || m->in_use)
        sse_multi_start_later(m);
    else if (m->starts.first == e)
        sse_multi_start_entries(m);
}

void sse_multi_on_connection(sse_multi_entry *e, bool http2)
{
    long made = 0;

    e->connect_due = 0;
    if (!e->lane)
        return;
    curl_easy_getinfo(e->easy, CURLINFO_NUM_CONNECTS, &made);
    if (http2)
        sse_shard_share_connection(e);
    sse_lane_on_connection(e, http2, made > 0);
}

void sse_multi_on_head(sse_multi_entry *e, bool http2)
{
    if (e->lane)
        sse_lane_on_head(e, http2);
}

void sse_multi_remove(sse_multi *m, sse_multi_entry *e)
{
    if (e->removed)
        return;
    e->removed = true;
    sse_entry_queue_take(e); /* it is not started any more */
    e->next_removed = m->removed;
    m->removed = e;
    if (m->in_curl)
        return;
    if (sse_loop_running(m->loop))
        sse_multi_destroy_removed(m);
    else /* there may be no later turn */
        sse_multi_destroy_all_removed(m);
}

void sse_multi_resume(sse_multi *m, sse_multi_entry *e)
{
    CURLcode code = CURLE_OK;

    m->in_curl++;
    e->paused = false;
    e->resuming = true;
    sse_multi_touch(m, e->shard);
    code = curl_easy_pause(e->easy, CURLPAUSE_CONT);
    e->resuming = false;
    m->in_curl--;
    if (code && !e->removed)
        sse_multi_fail(m, e, code);
    else
        sse_multi_run_postponed(m);
}

void sse_multi_fail(sse_multi *m, sse_multi_entry *e, int curl_code)
{
    m->in_use++;
    sse_multi_fail_entry(m, e, curl_code);
    m->in_use--;
    sse_multi_run_postponed(m);
}

void sse_multi_begin_callbacks(sse_multi *m)
{
    m->in_curl++;
}

void sse_multi_end_callbacks(sse_multi *m)
{
    m->in_curl--;
    sse_multi_run_postponed(m);
}
