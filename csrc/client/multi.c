#include "multi.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "close_on_exec.h"
#include "resident.h"
#include "sockets.h"

#define MAX_LOST 16

/* One socket that libcurl wants watched. */
typedef struct watch {
    struct watch *next, **link;
    struct event event;
    sse_multi *multi;
} watch;

struct sse_multi {
    sse_loop *loop;
    CURLM *handle; /* NULL while nobody uses it */
    CURLSH *sessions, *cookies;
    sse_timer timer;
    sse_timer idle;    /* runs while the handle waits for its next user */
    sse_deferred late; /* runs while `timer` could not be started */
    uint64_t due;      /* when `timer` is to run */
    watch *watches;
    curl_socket_t lost[MAX_LOST]; /* sockets that could not be watched, until libcurl returns */
    size_t lost_count;            /* more than MAX_LOST: not all of them are noted */
    sse_hidden_pair pair;         /* what libcurl's resolver is about to open */
    sse_sockets sockets;
    sse_fork_call at_fork;
    sse_deferred forked;     /* in a child: fails what the parent has begun */
    sse_multi_user *all;     /* those that are counted */
    sse_multi_user *retired; /* waiting for libcurl to return */
    size_t users;
    int inside; /* depth of calls into libcurl that may call back */
    int held;   /* depth of code that still needs the handle */
};

static void settle(sse_multi *m);

static void act(sse_multi *m, curl_socket_t fd, int flags)
{
    int running = 0;

    m->inside++;
    curl_multi_socket_action(m->handle, fd, flags, &running);
    m->inside--;
    settle(m);
}

/* --- what libcurl asks for -------------------------------------------------------------------- */

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    watch *w = arg;
    int flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0);

    act(w->multi, fd, flags);
}

static void unwatch(watch *w)
{
    event_del(&w->event);
    *w->link = w->next;
    if (w->next)
        w->next->link = w->link;
    free(w);
}

static watch *new_watch(sse_multi *m)
{
    watch *w = calloc(1, sizeof *w);

    if (!w)
        return NULL;
    w->multi = m;
    w->next = m->watches;
    w->link = &m->watches;
    if (w->next)
        w->next->link = &w->next;
    m->watches = w;
    return w;
}

/* A socket callback that fails would make libcurl 7.88 crash: the failure is noted, and the
 * transfers of the socket fail when libcurl has returned. */
static void lose(sse_multi *m, CURL *easy, curl_socket_t fd)
{
    sse_multi_user *u = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&u);
    if (u)
        u->lost = true;
    if (m->lost_count < MAX_LOST)
        m->lost[m->lost_count] = fd;
    m->lost_count++;
}

/* libcurl's resolver tells one of its pair of sockets. */
static void keep_from_children(sse_multi *m, curl_socket_t fd)
{
    sse_close_on_exec(fd);
    if (fd == m->pair.fd[0] || fd == m->pair.fd[1])
        sse_hidden_pair_close_on_exec(&m->pair);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *held)
{
    sse_multi *m = arg;
    watch *w = held;
    int events =
        EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);

    if (what == CURL_POLL_REMOVE) {
        curl_multi_assign(m->handle, fd, NULL);
        if (w)
            unwatch(w);
        return 0;
    }
    if (w) {
        event_del(&w->event);
    } else {
        keep_from_children(m, fd);
        w = new_watch(m);
        if (!w) {
            lose(m, easy, fd);
            return 0;
        }
        curl_multi_assign(m->handle, fd, w);
    }
    event_assign(&w->event, sse_loop_base(m->loop), fd, (short)events, on_ready, w);
    if (event_add(&w->event, NULL))
        lose(m, easy, fd);
    return 0;
}

static int on_resolve(void *resolver, void *reserved, void *arg)
{
    sse_multi *m = arg;

    (void)resolver;
    (void)reserved;
    sse_hidden_pair_expect(&m->pair);
    return 0;
}

static void on_time(void *arg)
{
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

/* Starts the timer for `due`, or where that fails looks each turn whether it works now. */
static void start_timer(sse_multi *m)
{
    uint64_t now = sse_loop_now(m->loop);

    if (sse_timer_start(&m->timer, m->due > now ? m->due - now : 0, false))
        sse_loop_defer(m->loop, &m->late);
}

static void on_late(void *arg)
{
    sse_multi *m = arg;

    if (sse_loop_now(m->loop) >= m->due)
        act(m, CURL_SOCKET_TIMEOUT, 0);
    else
        start_timer(m);
}

static void stop_timer(sse_multi *m)
{
    sse_timer_stop(&m->timer);
    sse_loop_undefer(m->loop, &m->late);
}

static int on_timeout(CURLM *handle, long ms, void *arg)
{
    sse_multi *m = arg;

    (void)handle;
    stop_timer(m);
    if (ms < 0)
        return 0;
    m->due = sse_loop_now(m->loop) + (uint64_t)ms;
    start_timer(m);
    return 0;
}

/* --- the handle's life ------------------------------------------------------------------------ */

static int open_handle(sse_multi *m)
{
    sse_hidden_pair wakeup;

    if (m->handle)
        return SSE_OK;
    sse_hidden_pair_expect(&wakeup);
    m->handle = curl_multi_init();
    sse_hidden_pair_close_on_exec(&wakeup);
    if (!m->handle)
        return SSE_ENOMEM;
    curl_multi_setopt(m->handle, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(m->handle, CURLMOPT_SOCKETDATA, m);
    curl_multi_setopt(m->handle, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(m->handle, CURLMOPT_TIMERDATA, m);
    return SSE_OK;
}

static bool is_unused(const sse_multi *m)
{
    return m->handle && m->users == 0 && !m->inside && !m->held;
}

static void close_handle(sse_multi *m)
{
    m->inside++; /* libcurl calls on_socket for what it closes */
    curl_multi_cleanup(m->handle);
    m->inside--;
    m->handle = NULL;
    stop_timer(m);
    sse_timer_stop(&m->idle);
    for (watch *w = m->watches, *next = NULL; w; w = next) {
        next = w->next;
        unwatch(w);
    }
}

static void on_idle(void *arg)
{
    sse_multi_forget(arg);
}

/* Keeps the connections for a while, or closes them at once where no timer can be had. */
static void rest_if_unused(sse_multi *m)
{
    if (is_unused(m) && sse_timer_start(&m->idle, SSE_MULTI_IDLE, false))
        close_handle(m);
}

bool sse_multi_prior_knowledge_once(void)
{
    unsigned version = curl_version_info(CURLVERSION_NOW)->version_num;

    return version >= 0x075800 && version <= 0x075801;
}

void sse_multi_abandon(sse_multi_user *u)
{
    curl_easy_setopt(u->easy, CURLOPT_FORBID_REUSE, 1L);
}

/* Takes a handle from libcurl that is given up: `retired`, or its owner refuses what comes. A
 * paused one first has to let go of what libcurl keeps for it: 7.88 leaks that where another stream
 * keeps the connection. */
static void take_back(sse_multi *m, sse_multi_user *u)
{
    if (!u->added)
        return;
    sse_multi_abandon(u);
    if (u->paused) {
        m->inside++;
        /* refused where it has failed meanwhile */
        u->keeps = curl_easy_pause(u->easy, CURLPAUSE_CONT) == CURLE_BAD_FUNCTION_ARGUMENT;
        m->inside--;
    }
    u->added = u->paused = false;
    curl_multi_remove_handle(m->handle, u->easy);
}

static void count_in(sse_multi *m, sse_multi_user *u)
{
    u->added = u->counted = true;
    u->after = m->all;
    u->link = &m->all;
    if (u->after)
        u->after->link = &u->after;
    m->all = u;
    m->users++;
}

static curl_socket_t open_nothing(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)arg;
    (void)purpose;
    (void)address;
    return CURL_SOCKET_BAD;
}

/* Frees what libcurl kept for a paused handle whose transfer failed. Until 8.2 it forgets that
 * where another stream keeps the connection, but not at the end of a transfer that has its
 * connection for itself: one that fails at once, for it gets no socket. */
static void free_kept(CURL *easy)
{
    if (curl_version_info(CURLVERSION_NOW)->version_num >= 0x080200)
        return;
    curl_easy_setopt(easy, CURLOPT_URL, "http://127.0.0.1:1/");
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, NULL);
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_nothing);
    curl_easy_perform(easy);
}

static void drop(sse_multi *m, sse_multi_user *u)
{
    take_back(m, u);
    if (u->keeps)
        free_kept(u->easy);
    u->keeps = false;
    if (!u->counted)
        return;
    u->counted = false;
    *u->link = u->after;
    if (u->after)
        u->after->link = u->link;
    m->users--;
}

static void destroy_retired(sse_multi *m)
{
    while (m->retired) {
        sse_multi_user *u = m->retired;

        m->retired = u->next;
        drop(m, u);
        u->destroy(u);
    }
}

/* Ends a user's transfer on our own account. */
static void fail(sse_multi *m, sse_multi_user *u, CURLcode code)
{
    u->failing = true;
    take_back(m, u);
    if (!u->retired)
        u->on_done(u, code);
}

static bool is_lost(const sse_multi *m, const sse_multi_user *u)
{
    curl_socket_t fd = CURL_SOCKET_BAD;

    if (!u->added || u->retired)
        return false;
    if (u->lost || m->lost_count > MAX_LOST)
        return true;
    curl_easy_getinfo(u->easy, CURLINFO_ACTIVESOCKET, &fd);
    for (size_t i = 0; fd != CURL_SOCKET_BAD && i < m->lost_count; i++)
        if (m->lost[i] == fd)
            return true;
    return false;
}

/* Fails all whose socket could not be watched: nothing would ever be heard of it. */
static void fail_lost(sse_multi *m)
{
    sse_multi_user *u = NULL;

    do {
        for (u = m->all; u && !is_lost(m, u); u = u->after)
            ;
        if (u)
            fail(m, u, CURLE_OUT_OF_MEMORY);
    } while (u);
    m->lost_count = 0;
}

/* A forked child has the parent's transfers, but neither their peers any more nor the threads that
 * look names up: they fail, once libcurl is not at work. */
static void at_fork(void *arg, int dead)
{
    sse_multi *m = arg;

    sse_sockets_cut_off(&m->sockets, dead);
    for (sse_multi_user *u = m->all; u; u = u->after)
        u->parents = true;
    if (m->all)
        sse_loop_defer(m->loop, &m->forked);
}

static sse_multi_user *find_parents(const sse_multi *m)
{
    sse_multi_user *u = m->all;

    while (u && !(u->parents && u->added && !u->retired))
        u = u->after;
    return u;
}

static void on_forked(void *arg)
{
    sse_multi *m = arg;
    sse_multi_user *u = NULL;

    m->held++;
    while ((u = find_parents(m)))
        fail(m, u, CURLE_RECV_ERROR);
    m->held--;
    settle(m);
}

static void report_done(sse_multi *m)
{
    CURLMsg *message = NULL;
    int left = 0;

    while ((message = curl_multi_info_read(m->handle, &left))) {
        sse_multi_user *u = NULL;
        int code = message->data.result; /* the message dies with the removal */

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&u);
        curl_multi_remove_handle(m->handle, u->easy);
        u->keeps = u->paused; /* until on_done has asked the handle for all it wants */
        u->added = u->paused = false;
        if (!u->retired)
            u->on_done(u, code);
    }
}

/* What had to wait until libcurl returned. on_done may do anything, also start and retire others.
 */
static void settle(sse_multi *m)
{
    if (m->inside || m->held)
        return;
    m->held++;
    destroy_retired(m);
    if (m->lost_count > 0)
        fail_lost(m);
    report_done(m);
    m->held--;
    rest_if_unused(m);
}

static CURLSH *new_share(bool cookies)
{
    CURLSH *share = curl_share_init();

    if (!share)
        return NULL;
    curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION); /* none: no matter */
    if (cookies)
        curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_COOKIE);
    return share;
}

static void free_shares(sse_multi *m)
{
    curl_share_cleanup(m->sessions); /* NULL is harmless */
    curl_share_cleanup(m->cookies);
}

/* --- interface -------------------------------------------------------------------------------- */

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
    sse_timer_init(&m->timer, loop, on_time, m);
    sse_timer_init(&m->idle, loop, on_idle, m);
    sse_deferred_init(&m->late, on_late, m);
    sse_deferred_init(&m->forked, on_forked, m);
    sse_loop_at_fork(loop, &m->at_fork, at_fork, m);
    m->pair = (sse_hidden_pair){ { -1, -1 } };
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
    sse_multi_forget(m);
    free_shares(m);
    sse_loop_not_at_fork(&m->at_fork);
    sse_sockets_free(&m->sockets);
    sse_loop_undefer(m->loop, &m->forked);
    free(m);
    curl_global_cleanup();
}

sse_loop *sse_multi_loop(const sse_multi *m)
{
    return m->loop;
}

void *sse_multi_share(const sse_multi *m, bool cookies)
{
    return cookies ? m->cookies : m->sessions;
}

void sse_multi_forget(sse_multi *m)
{
    if (is_unused(m))
        close_handle(m);
}

int sse_multi_add(sse_multi *m, sse_multi_user *u)
{
    int code = open_handle(m);

    if (code)
        return code;
    curl_easy_setopt(u->easy, CURLOPT_PRIVATE, u);
    curl_easy_setopt(u->easy, CURLOPT_RESOLVER_START_FUNCTION, on_resolve);
    curl_easy_setopt(u->easy, CURLOPT_RESOLVER_START_DATA, m);
    sse_sockets_note(&m->sockets, u->easy);
    if (curl_multi_add_handle(m->handle, u->easy)) {
        rest_if_unused(m);
        return SSE_ESYS;
    }
    sse_timer_stop(&m->idle);
    count_in(m, u);
    return SSE_OK;
}

void sse_multi_retire(sse_multi *m, sse_multi_user *u)
{
    if (u->retired)
        return;
    u->retired = true;
    if (m->inside) {
        u->next = m->retired;
        m->retired = u;
        return;
    }
    drop(m, u);
    u->destroy(u);
    rest_if_unused(m);
}

void sse_multi_resume(sse_multi *m, sse_multi_user *u)
{
    CURLcode code = CURLE_OK;

    m->inside++;
    u->paused = false;
    u->resuming = true;
    code = curl_easy_pause(u->easy, CURLPAUSE_CONT);
    u->resuming = false;
    m->inside--;
    if (code && !u->retired)
        sse_multi_fail(m, u, code);
    else
        settle(m);
}

void sse_multi_fail(sse_multi *m, sse_multi_user *u, int curl_code)
{
    m->held++;
    fail(m, u, curl_code);
    m->held--;
    settle(m);
}

void sse_multi_enter(sse_multi *m)
{
    m->inside++;
}

void sse_multi_leave(sse_multi *m)
{
    m->inside--;
    settle(m);
}
