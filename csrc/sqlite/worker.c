#include "worker.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch.h"
#include "worker_state.h"

#define LOOK_EVERY_MS    1000              /* at the file's data_version, while a log is watched */
#define MAX_OUT_BYTES    (8 * 1024 * 1024) /* of news that the loop has not taken */
#define BATCH            1000              /* jobs of a transaction */
#define CHECKPOINT_PAGES 4000  /* of the write-ahead log: each waits for the disk, twice */
#define RESTART_PAGES    16000 /* after which writing waits until the log can begin anew, */
#define RESTART_WITHIN   200   /* ms at most: others can't write meanwhile */

/* --- news ------------------------------------------------------------------------------------- */

/* Tells the watcher of a log of its news. */
static int tell_log(worker *w, int number)
{
    log *l = &w->logs[number];
    bool more = true;
    int rc = log_load(&w->d, l, w->transaction);

    while (rc == SQLITE_OK && more && !w->behind) {
        job *j = NULL;

        if (l->head == l->seen && strcmp(l->epoch, l->seen_epoch) == 0)
            return SQLITE_OK;
        j = job_new(JOB_NEWS, number, NULL);
        if (!j)
            return SQLITE_NOMEM;
        rc = log_news(&w->d, l, j, &more);
        if (rc == SQLITE_OK)
            queue_put(&w->out, j);
        else
            job_free(j);
        w->behind = queue_bytes(&w->out) > MAX_OUT_BYTES;
    }
    return rc;
}

/* Tells all watchers of what they have not been told. What is not told for a failure is later. */
static void tell_news(worker *w)
{
    int rc = SQLITE_OK;

    if (!w->d.db || !batch_any_watched(w))
        return;
    w->transaction++;
    rc = database_run(&w->d, BEGIN_READ);
    for (int i = 0; i < w->log_count && rc == SQLITE_OK && !w->behind; i++)
        if (w->logs[i].name && w->logs[i].watched)
            rc = tell_log(w, i);
    if (rc != SQLITE_OK)
        w->data_version = -1; /* so that the file has changed when it is looked at next */
    database_run(&w->d, COMMIT);
    w->transaction++;
}

/* Whether another connection has changed the file since this was asked last. */
static bool has_changed(worker *w)
{
    sqlite3_stmt *st = w->d.db ? database_get(&w->d, DATA_VERSION) : NULL;
    int64_t version = 0;

    if (!st)
        return false;
    if (sqlite3_step(st) == SQLITE_ROW)
        version = sqlite3_column_int64(st, 0);
    sqlite3_reset(st);
    if (version == w->data_version)
        return false;
    w->data_version = version;
    return true;
}

static void wake_peers(worker *w)
{
    const char *dead = peers_wake(&w->peers);

    if (dead && database_run(&w->d, BEGIN_WRITE) == SQLITE_OK) {
        peers_forget(&w->d, &w->peers, dead);
        if (database_run(&w->d, COMMIT) != SQLITE_OK)
            database_run(&w->d, ROLLBACK);
        w->presence.look = true;
    }
}

/* The log begins anew once nobody reads from it. Waits for readers where the log is long; in vain
 * for one that reads for ever, so that the next wait comes when the log is longer by as much again.
 */
static void checkpoint(worker *w)
{
    int pages = w->d.wal_pages, rc = SQLITE_OK;
    bool wait = pages > w->restart_pages;

    w->count.wal_pages = pages;
    if (!w->d.db || pages < CHECKPOINT_PAGES)
        return;
    if (wait && w->options.busy_timeout > RESTART_WITHIN)
        sqlite3_busy_timeout(w->d.db, RESTART_WITHIN);
    rc = sqlite3_wal_checkpoint_v2(
        w->d.db, NULL, wait ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    sqlite3_busy_timeout(w->d.db, w->options.busy_timeout);
    if (wait && rc != SQLITE_OK)
        w->restart_pages = pages + RESTART_PAGES;
    else if (wait || pages < RESTART_PAGES)
        w->restart_pages = RESTART_PAGES;
    w->d.wal_pages = 0;
    w->count.checkpoints++;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Hands back the jobs of a batch; returns the jobs behind it. */
static job *give_back(worker *w, job *first, size_t count)
{
    job *last = first, *rest = NULL;

    while (--count > 0)
        last = last->next;
    rest = last->next;
    queue_put_all(&w->out, first, last);
    return rest;
}

static void do_jobs(worker *w)
{
    job *all = queue_take_all(&w->in);

    while (all) {
        size_t count = 0;
        bool added = false;

        for (const job *j = all; j && count < BATCH; j = j->next)
            count++;
        added = batch_do(w, all, count);
        if (added)
            tell_news(w);
        all = give_back(w, all, count);
        if (added)
            wake_peers(w);
        checkpoint(w);
    }
}

/* Returns whether something has come. */
static bool wait_for_work(worker *w)
{
    struct pollfd fds[] = { { .fd = w->in.pipe[0], .events = POLLIN },
                            { .fd = w->peers.socket, .events = POLLIN } };

    int wait = batch_any_watched(w) ? LOOK_EVERY_MS : -1;
    int due = w->behind ? -1 : presence_wait(&w->presence);

    if (wait < 0 || (due >= 0 && due < wait))
        wait = due;
    if (poll(fds, 2, wait) <= 0)
        return false;
    if (fds[0].revents)
        queue_drain(&w->in);
    if (fds[1].revents)
        peers_take(&w->peers);
    return true;
}

/* Does what is due of numbers of followers. Other work goes on if it can't be done. */
static void count_followers(worker *w)
{
    char message[MESSAGE_BYTES];
    const char *code = NULL;
    bool wrote = false;

    if (w->behind || presence_wait(&w->presence) != 0)
        return;
    code = batch_use_file(w, message);
    if (code)
        presence_pause(&w->presence);
    else
        code = presence_turn(&w->presence, w->options.path, message, &wrote);
    if (code && strcmp(code, "EBUSY") == 0)
        return;
    if (code || w->count_failed)
        batch_tell_state(w, code, code ? message : "");
    w->count_failed = code != NULL;
    if (wrote)
        wake_peers(w);
}

/* Whatever other processes have done. A file that was closed after a failure is opened anew here
 * where nobody asks for anything. */
static void look(worker *w, bool is_idle)
{
    char message[MESSAGE_BYTES];

    if (!batch_any_watched(w) && presence_wait(&w->presence) != 0)
        return;
    if (is_idle && batch_any_watched(w))
        batch_use_file(w, message);
    if (!has_changed(w))
        return;
    w->presence.look = true;
    tell_news(w);
}

static void *run(void *arg)
{
    worker *w = arg;

    while (!w->quit) {
        bool is_idle = !wait_for_work(w);

        fork_forbid();
        do_jobs(w);
        if (w->behind && queue_bytes(&w->out) <= MAX_OUT_BYTES / 2) {
            w->behind = false;
            tell_news(w);
        }
        look(w, is_idle);
        count_followers(w);
        fork_allow();
    }
    fork_forbid();
    peers_leave(&w->d, &w->peers);
    database_close(&w->d);
    fork_allow();
    return NULL;
}

/* --- birth and end ---------------------------------------------------------------------------- */

static void free_worker(worker *w)
{
    for (int i = 0; i < w->log_count; i++)
        log_free(&w->logs[i]);
    free(w->logs);
    fork_unwatch(&w->fork);
    queue_close(&w->in);
    queue_close(&w->out);
    free(w->options.path);
    free(w);
}

worker *worker_start(const database_options *options)
{
    worker *w = calloc(1, sizeof *w);
    sigset_t all, before;
    bool ok = false;

    if (!w)
        return NULL;
    w->options = *options;
    w->peers.socket = -1;
    w->restart_pages = RESTART_PAGES;
    w->presence = (presence){ .d = &w->d,
                              .peers = &w->peers,
                              .out = &w->out,
                              .logs = &w->logs,
                              .log_count = &w->log_count,
                              .transaction = &w->transaction,
                              .counted = -1,
                              .busy_timeout = options->busy_timeout,
                              .patience = PATIENCE_MS };
    w->in.pipe[0] = w->out.pipe[0] = -1;
    if (fork_watch(&w->fork, &w->peers.socket) && queue_open(&w->in) && queue_open(&w->out)) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        ok = pthread_create(&w->thread, NULL, run, w) == 0;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    if (ok)
        return w;
    w->options.path = NULL;
    free_worker(w);
    return NULL;
}

queue *worker_in(worker *w)
{
    return &w->in;
}

queue *worker_out(worker *w)
{
    return &w->out;
}

worker_numbers *worker_count(worker *w)
{
    return &w->count;
}

void worker_join(worker *w)
{
    pthread_join(w->thread, NULL);
    free_worker(w);
}

void worker_forget(worker *w)
{
    queue_forget(&w->in);
    queue_forget(&w->out);
}
