#include "multi.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "close_on_exec.h"
#include "curl_bugs.h"
#include "resident.h"
#include "sockets.h"
#include "watcher.h"

struct sse_multi {
    sse_loop *loop;
    CURLM *curl; /* NULL until the first transfer, and again when idle for too long */
    CURLSH *sessions, *cookies;
    sse_watcher watcher;
    sse_sockets sockets;      /* those that libcurl has open */
    sse_timer idle_timer;     /* runs while there is no transfer */
    sse_multi_entry *entries; /* the listed ones */
    size_t entry_count;       /* their number */
    uint64_t connect_due;     /* ms: none of theirs is before it */
    sse_multi_entry *removed; /* those to destroy when libcurl has returned */
    sse_fork_handler fork_handler;
    sse_deferred fork_end; /* in a forked child: fails the transfers that the parent began */
    int in_curl; /* > 0: within libcurl, or from begin_callbacks to end_callbacks; nests */
    int in_use;  /* > 0: within code that needs `curl` to stay; nests */
};

/* --- libcurl's multi handle ------------------------------------------------------------------- */

static int open_curl(sse_multi *m)
{
    sse_hidden_pair wakeup;

    if (m->curl)
        return SSE_OK;
    sse_hidden_pair_expect(&wakeup);
    m->curl = curl_multi_init();
    sse_hidden_pair_close_on_exec(&wakeup);
    if (!m->curl)
        return SSE_ENOMEM;
    sse_watcher_start(&m->watcher, m->curl);
    return SSE_OK;
}

static bool is_idle(const sse_multi *m)
{
    return m->curl && m->entry_count == 0 && !m->in_curl && !m->in_use;
}

static void close_curl(sse_multi *m)
{
    m->in_curl++;
    curl_multi_cleanup(m->curl);
    m->in_curl--;
    m->curl = NULL;
    sse_watcher_stop(&m->watcher);
    sse_timer_stop(&m->idle_timer);
}

static void on_idle_timer(void *arg)
{
    sse_multi_close_idle(arg);
}

/* Closes the connections in SSE_MULTI_IDLE ms, or now if there is no memory for a timer. */
static void close_later_if_idle(sse_multi *m)
{
    if (is_idle(m) && sse_timer_start(&m->idle_timer, SSE_MULTI_IDLE, false))
        close_curl(m);
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
    if (!e->added)
        return;
    sse_curl_close_when_aborted(e->easy);
    if (e->paused) {
        m->in_curl++;
        e->curl_keeps_bytes = !sse_curl_discard_kept(e->easy);
        m->in_curl--;
    }
    e->added = e->paused = false;
    curl_multi_remove_handle(m->curl, e->easy);
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

static void destroy_removed(sse_multi *m)
{
    while (m->removed) {
        sse_multi_entry *e = m->removed;

        m->removed = e->next_removed;
        destroy_entry(m, e);
    }
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

static bool is_unwatched(const sse_multi *m, const sse_multi_entry *e)
{
    return e->added && !e->removed &&
           (e->unwatched || sse_watcher_is_unwatched(&m->watcher, e->easy));
}

/* Fails the transfers whose socket could not be watched: libcurl would wait for it for ever. Begins
 * anew after each, because on_done may change the list. */
static void fail_unwatched(sse_multi *m)
{
    sse_multi_entry *e = NULL;

    do {
        for (e = m->entries; e && !is_unwatched(m, e); e = e->next)
            ;
        if (e)
            fail_entry(m, e, CURLE_OUT_OF_MEMORY);
    } while (e);
    sse_watcher_clear_unwatched(&m->watcher);
}

/* --- calls into libcurl ----------------------------------------------------------------------- */

static void report_done(sse_multi *m)
{
    CURLMsg *message = NULL;
    int left = 0;

    while ((message = curl_multi_info_read(m->curl, &left))) {
        sse_multi_entry *e = NULL;
        int code = message->data.result; /* the removal frees the message */

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&e);
        curl_multi_remove_handle(m->curl, e->easy);
        /* Such bytes are freed only when the entry is destroyed, because freeing them changes the
         * handle, and on_done asks the handle why the transfer failed. */
        e->curl_keeps_bytes = e->paused;
        e->added = e->paused = false;
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
    if (m->watcher.unwatched_count > 0)
        fail_unwatched(m);
    report_done(m);
    m->in_use--;
    close_later_if_idle(m);
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

static void on_action(void *arg, curl_socket_t fd, int events)
{
    sse_multi *m = arg;
    int running = 0;

    lift_connect_limits(m);
    m->in_curl++;
    curl_multi_socket_action(m->curl, fd, events, &running);
    m->in_curl--;
    run_postponed(m);
}

/* --- fork ------------------------------------------------------------------------------------- */

/* Runs in a forked child, where the transfers that the parent began cannot go on: their connections
 * are the parent's, and the threads that look names up exist in the parent only. They fail in a
 * deferred call, because libcurl may be at work now. */
static void on_fork(void *arg, int closed_fd)
{
    sse_multi *m = arg;

    sse_sockets_replace(&m->sockets, closed_fd);
    for (sse_multi_entry *e = m->entries; e; e = e->next)
        e->from_parent = true;
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
    sse_watcher_init(&m->watcher, loop, (sse_watcher_callbacks){ on_action, on_unwatched, m });
    sse_timer_init(&m->idle_timer, loop, on_idle_timer, m);
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
    sse_multi_close_idle(m);
    free_shares(m);
    sse_loop_remove_fork_handler(&m->fork_handler);
    sse_sockets_free(&m->sockets);
    sse_loop_undefer(m->loop, &m->fork_end);
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
    if (is_idle(m))
        close_curl(m);
}

int sse_multi_add(sse_multi *m, sse_multi_entry *e)
{
    int code = open_curl(m);

    if (code)
        return code;
    curl_easy_setopt(e->easy, CURLOPT_PRIVATE, e);
    sse_watcher_add_easy(&m->watcher, e->easy);
    sse_sockets_add_easy(&m->sockets, e->easy);
    if (curl_multi_add_handle(m->curl, e->easy)) {
        close_later_if_idle(m);
        return SSE_ESYS;
    }
    sse_timer_stop(&m->idle_timer);
    if (e->connect_due && e->connect_due < m->connect_due)
        m->connect_due = e->connect_due;
    e->added = true;
    list_entry(m, e);
    return SSE_OK;
}

void sse_multi_remove(sse_multi *m, sse_multi_entry *e)
{
    if (e->removed)
        return;
    e->removed = true;
    if (m->in_curl) {
        e->next_removed = m->removed;
        m->removed = e;
        return;
    }
    destroy_entry(m, e);
    close_later_if_idle(m);
}

void sse_multi_resume(sse_multi *m, sse_multi_entry *e)
{
    CURLcode code = CURLE_OK;

    m->in_curl++;
    e->paused = false;
    e->resuming = true;
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
