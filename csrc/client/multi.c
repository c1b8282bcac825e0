#include "multi.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "curl_bugs.h"
#include "lane.h"
#include "resident.h"
#include "shard.h"

/* us that each kind of work may take in a turn of the loop. */
#define SHARE 2000

/* Sockets that are served and entries that are destroyed in each call, so that there is an end. */
#define LEAST 4

/* What a kind of work has taken of the present turn. */
typedef struct share {
    uint64_t turn;  /* of the loop: the one that `spent` is about */
    uint64_t spent; /* us */
} share;

struct sse_multi {
    sse_loop *loop;
    CURLSH *sessions, *cookies;
    sse_shard *shards, **last_shard; /* the oldest first */
    sse_shard *touched;              /* where libcurl has been at work and may have reports */
    sse_lanes lanes;
    sse_ready_queue ready;    /* sockets that wait to be served */
    uint64_t behind_since;    /* ms: when the queue was last empty */
    sse_deferred ready_call;  /* serves them */
    sse_entry_queue starts;   /* entries that wait to be given to libcurl */
    sse_deferred start_call;  /* gives them */
    sse_multi_entry *entries; /* the listed ones */
    size_t entry_count;       /* their number */
    uint64_t connect_due;     /* ms: none of theirs is before it */
    sse_multi_entry *removed; /* those to destroy when libcurl has returned and there is time */
    sse_deferred destroy_call;
    sse_fork_handler fork_handler;
    sse_deferred fork_end; /* in a forked child: fails the transfers that the parent began */
    share served, started, destroyed;
    uint64_t requested_turn;  /* the turn of the last call of sse_multi_may_start */
    uint64_t requested_since; /* us: its first call in that turn */
    int in_curl; /* > 0: within libcurl, or from begin_callbacks to end_callbacks; nests */
    int in_use;  /* > 0: within code that needs the shards' handles to stay; nests */
};

/* --- shares of a turn ------------------------------------------------------------------------- */

static bool has_time(const sse_multi *m, const share *of)
{
    return of->turn != sse_loop_turns(m->loop) || of->spent < SHARE;
}

/* Adds what the work that began at `began` (as sse_loop_now_us) has taken. */
static void spend(const sse_multi *m, share *of, uint64_t began)
{
    uint64_t turn = sse_loop_turns(m->loop);

    if (of->turn != turn)
        *of = (share){ .turn = turn };
    of->spent += sse_loop_now_us(m->loop) - began;
}

bool sse_multi_may_start(sse_multi *m)
{
    uint64_t now = sse_loop_now_us(m->loop), turn = sse_loop_turns(m->loop);

    if (m->requested_turn != turn)
        m->requested_since = now;
    m->requested_turn = turn;
    return now - m->requested_since < SHARE;
}

bool sse_multi_is_behind(const sse_multi *m, uint64_t *since)
{
    *since = m->behind_since;
    return m->ready.first != NULL;
}

/* --- shards ----------------------------------------------------------------------------------- */

static void touch(sse_multi *m, sse_shard *s)
{
    if (s->touched)
        return;
    s->touched = true;
    s->next_touched = m->touched;
    m->touched = s;
}

static void close_shard(sse_multi *m, sse_shard *s)
{
    m->in_curl++;
    sse_shard_close(s);
    m->in_curl--;
}

static void on_shard_idle(void *arg, sse_shard *s)
{
    sse_multi *m = arg;

    if (s->count == 0 && !m->in_curl && !m->in_use)
        close_shard(m, s);
}

/* Finds the shard in which the entry begins: one that may have an idle connection for it, or where
 * a connection is that it can share, else the first with room. */
static sse_shard *find_shard(const sse_multi *m, const sse_multi_entry *e)
{
    sse_shard *s = e->lane && !e->lane->serial ? e->lane->shard : NULL;

    if (s && s->sockets.count < SSE_SHARD_TLS_CONNECTIONS)
        return s;
    for (s = m->shards; s; s = s->next)
        if (sse_shard_take_idle(s, e))
            return s;
    for (s = m->shards; s && !sse_shard_has_room(s, e); s = s->next)
        ;
    return s;
}

/* --- entries ---------------------------------------------------------------------------------- */

static void list_entry(sse_multi *m, sse_multi_entry *e)
{
    e->listed = true;
    e->next = m->entries;
    e->link = &m->entries;
    if (e->next)
        e->next->link = &e->next;
    m->entries = e;
    m->entry_count++;
}

static void unlist_entry(sse_multi *m, sse_multi_entry *e)
{
    if (!e->listed)
        return;
    e->listed = false;
    *e->link = e->next;
    if (e->next)
        e->next->link = e->link;
    m->entry_count--;
}

/* Takes the handle of an aborted transfer from libcurl. The entry is removed or failing, so that
 * its owner refuses what libcurl may hand over. */
static void take_from_curl(sse_multi *m, sse_multi_entry *e)
{
    sse_entry_queue_take(e);
    if (e->added) {
        sse_curl_close_when_aborted(e->easy);
        if (e->paused) {
            m->in_curl++;
            e->curl_keeps_bytes = !sse_curl_discard_kept(e->easy);
            m->in_curl--;
        }
        sse_shard_remove(e->shard, e, false);
        sse_shard_close_later(e->shard);
    }
    sse_lane_leave(e);
}

static void destroy_entry(sse_multi *m, sse_multi_entry *e)
{
    take_from_curl(m, e);
    if (e->curl_keeps_bytes)
        sse_curl_free_kept(e->easy);
    e->curl_keeps_bytes = false;
    unlist_entry(m, e);
    e->destroy(e);
}

static void destroy_first_removed(sse_multi *m)
{
    sse_multi_entry *e = m->removed;

    m->removed = e->next_removed;
    destroy_entry(m, e);
}

/* Destroys entries while the turn has time: each may close a connection. */
static void destroy_removed(sse_multi *m)
{
    while (m->removed && has_time(m, &m->destroyed)) {
        uint64_t began = sse_loop_now_us(m->loop);

        destroy_first_removed(m);
        spend(m, &m->destroyed, began);
    }
    if (m->removed)
        sse_loop_defer(m->loop, &m->destroy_call);
}

static void destroy_all_removed(sse_multi *m)
{
    while (m->removed)
        destroy_first_removed(m);
}

static void fail_entry(sse_multi *m, sse_multi_entry *e, CURLcode code)
{
    e->failing = true;
    take_from_curl(m, e);
    if (!e->removed)
        e->on_done(e, code);
}

/* --- sockets that could not be watched -------------------------------------------------------- */

static void on_unwatched(void *arg, CURL *easy)
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
            fail_entry(m, e, CURLE_OUT_OF_MEMORY);
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

/* Does what had to wait until libcurl returned. Each on_done may do anything, also start and remove
 * transfers. */
static void run_postponed(sse_multi *m)
{
    if (m->in_curl || m->in_use)
        return;
    m->in_use++;
    destroy_removed(m);
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

static void on_destroy_call(void *arg)
{
    sse_multi *m = arg;

    for (int i = 0; i < LEAST && m->removed && !m->in_curl; i++)
        destroy_first_removed(m);
    run_postponed(m);
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

static void act(sse_multi *m, sse_shard *s, curl_socket_t fd, int events)
{
    int running = 0;

    if (!s->curl)
        return;
    lift_connect_limits(m);
    m->in_curl++;
    curl_multi_socket_action(s->curl, fd, events, &running);
    m->in_curl--;
    touch(m, s);
    run_postponed(m);
}

static void on_action(void *arg, sse_shard *s, curl_socket_t fd, int events)
{
    sse_multi *m = arg;
    uint64_t began = sse_loop_now_us(m->loop);

    act(m, s, fd, events);
    spend(m, &m->served, began);
}

/* --- sockets that are ready ------------------------------------------------------------------- */

static bool must_queue(void *arg)
{
    sse_multi *m = arg;

    if (m->ready.first)
        return true;
    if (has_time(m, &m->served))
        return false;
    m->behind_since = sse_loop_now(m->loop);
    sse_loop_defer(m->loop, &m->ready_call);
    return true;
}

static void serve_ready(void *arg)
{
    sse_multi *m = arg;

    for (int i = 0; m->ready.first && (i < LEAST || has_time(m, &m->served)); i++)
        sse_watcher_serve_ready(&m->ready);
    if (m->ready.first)
        sse_loop_defer(m->loop, &m->ready_call);
}

/* --- starts ----------------------------------------------------------------------------------- */

static sse_shard *get_shard(sse_multi *m, const sse_multi_entry *e)
{
    sse_shard *s = find_shard(m, e);

    if (s)
        return s;
    s = sse_shard_new(m->loop, &m->ready,
                      (sse_shard_callbacks){ .on_action = on_action,
                                             .on_unwatched = on_unwatched,
                                             .must_queue = must_queue,
                                             .on_idle = on_shard_idle,
                                             .arg = m });
    if (s) {
        *m->last_shard = s;
        m->last_shard = &s->next;
    }
    return s;
}

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
        fail_entry(m, e, code == SSE_ENOMEM ? CURLE_OUT_OF_MEMORY : CURLE_FAILED_INIT);
        m->in_use--;
        run_postponed(m);
        return;
    }
    if (e->lane)
        e->lane->shard = s;
    act(m, s, CURL_SOCKET_TIMEOUT, 0); /* libcurl begins, so that its time counts as a start's */
}

static void start_first(sse_multi *m)
{
    sse_multi_entry *e = m->starts.first;
    uint64_t began = sse_loop_now_us(m->loop);

    sse_entry_queue_take(e);
    if (!e->lane || !sse_lane_must_wait(e))
        give_to_curl(m, e);
    spend(m, &m->started, began);
}

/* Gives entries to libcurl while the turn has time. */
static void start_entries(sse_multi *m)
{
    while (m->starts.first && has_time(m, &m->started))
        start_first(m);
    if (m->starts.first)
        sse_loop_defer(m->loop, &m->start_call);
}

static void on_start_call(void *arg)
{
    sse_multi *m = arg;

    if (m->starts.first)
        start_first(m);
    start_entries(m);
}

static void start_later(void *arg)
{
    sse_multi *m = arg;

    sse_loop_defer(m->loop, &m->start_call);
}

/* --- fork ------------------------------------------------------------------------------------- */

/* Runs in a forked child, where the transfers that the parent began cannot go on: their connections
 * are the parent's, and the threads that look names up exist in the parent only. They fail in a
 * deferred call, because libcurl may be at work now. */
static void on_fork(void *arg, int closed_fd)
{
    sse_multi *m = arg;

    for (sse_shard *s = m->shards; s; s = s->next)
        sse_sockets_replace(&s->sockets, closed_fd);
    for (sse_multi_entry *e = m->entries; e; e = e->next)
        e->from_parent = e->added;
    if (m->entries)
        sse_loop_defer(m->loop, &m->fork_end);
}

static sse_multi_entry *find_from_parent(const sse_multi *m)
{
    sse_multi_entry *e = m->entries;

    while (e && !(e->from_parent && e->added && !e->removed))
        e = e->next;
    return e;
}

static void fail_from_parent(void *arg)
{
    sse_multi *m = arg;
    sse_multi_entry *e = NULL;

    m->in_use++;
    while ((e = find_from_parent(m)))
        fail_entry(m, e, CURLE_RECV_ERROR);
    m->in_use--;
    run_postponed(m);
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
        .loop = loop, .ready = &m->starts, .on_ready = start_later, .arg = m
    };
    sse_deferred_init(&m->ready_call, serve_ready, m);
    sse_deferred_init(&m->start_call, on_start_call, m);
    sse_deferred_init(&m->destroy_call, on_destroy_call, m);
    sse_deferred_init(&m->fork_end, fail_from_parent, m);
    sse_loop_add_fork_handler(loop, &m->fork_handler, on_fork, m);
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
    destroy_all_removed(m);
    while (m->shards) {
        sse_shard *s = m->shards;

        m->shards = s->next;
        sse_shard_free(s);
    }
    free_shares(m);
    sse_loop_remove_fork_handler(&m->fork_handler);
    sse_loop_undefer(m->loop, &m->fork_end);
    sse_loop_undefer(m->loop, &m->ready_call);
    sse_loop_undefer(m->loop, &m->start_call);
    sse_loop_undefer(m->loop, &m->destroy_call);
    free(m);
    curl_global_cleanup();
}

/* --- what owners ask for ---------------------------------------------------------------------- */

sse_loop *sse_multi_loop(const sse_multi *m)
{
    return m->loop;
}

void *sse_multi_share(const sse_multi *m, bool cookies)
{
    return cookies ? m->cookies : m->sessions;
}

void sse_multi_close_idle(sse_multi *m)
{
    if (m->in_curl || m->in_use)
        return;
    destroy_all_removed(m);
    if (m->entry_count > 0)
        return;
    for (sse_shard *s = m->shards; s; s = s->next)
        close_shard(m, s);
}

void sse_multi_add(sse_multi *m, sse_multi_entry *e)
{
    curl_easy_setopt(e->easy, CURLOPT_PRIVATE, e);
    if (e->connect_due && e->connect_due < m->connect_due)
        m->connect_due = e->connect_due;
    list_entry(m, e);
    if (e->multiplexes && sse_lane_enter(&m->lanes, e)) {
        sse_multi_fail(m, e, CURLE_OUT_OF_MEMORY);
        return;
    }
    sse_entry_queue_put(&m->starts, e);
    if (m->in_curl || m->in_use)
        start_later(m);
    else if (m->starts.first == e)
        start_entries(m);
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
    e->next_removed = m->removed;
    m->removed = e;
    if (!m->in_curl)
        destroy_removed(m);
}

void sse_multi_resume(sse_multi *m, sse_multi_entry *e)
{
    CURLcode code = CURLE_OK;

    m->in_curl++;
    e->paused = false;
    e->resuming = true;
    touch(m, e->shard);
    code = curl_easy_pause(e->easy, CURLPAUSE_CONT);
    e->resuming = false;
    m->in_curl--;
    if (code && !e->removed)
        sse_multi_fail(m, e, code);
    else
        run_postponed(m);
}

void sse_multi_fail(sse_multi *m, sse_multi_entry *e, int curl_code)
{
    m->in_use++;
    fail_entry(m, e, curl_code);
    m->in_use--;
    run_postponed(m);
}

void sse_multi_begin_callbacks(sse_multi *m)
{
    m->in_curl++;
}

void sse_multi_end_callbacks(sse_multi *m)
{
    m->in_curl--;
    run_postponed(m);
}
