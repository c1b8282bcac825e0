#include "worker.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fork.h"
#include "log.h"
#include "peers.h"
#include "presence.h"

#define LOOK_EVERY_MS    1000              /* at the file's data_version, while a log is watched */
#define MAX_OUT_BYTES    (8 * 1024 * 1024) /* of news that the loop has not taken */
#define BATCH            1000              /* jobs of a transaction */
#define CHECKPOINT_PAGES 4000  /* of the write-ahead log: each waits for the disk, twice */
#define RESTART_PAGES    16000 /* after which writing waits until the log can begin anew */

struct worker {
    database_options options;
    queue in, out;
    pthread_t thread;
    fork_socket fork;
    worker_numbers count;

    /* of the thread alone */
    database d;
    peers peers;
    presence presence;
    log *logs; /* by their numbers */
    int log_count;
    uint64_t transaction; /* a number for each */
    int64_t data_version;
    bool is_up, told_state;
    bool behind;       /* the loop has too much news to take: nothing is told until it has */
    bool count_failed; /* count_followers has, and perhaps has told so */
    bool quit;
};

static int64_t wall_now(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- the file --------------------------------------------------------------------------------- */

/* Tells the program whether the file can be used, where that has changed. */
static void tell_state(worker *w, const char *code, const char *message)
{
    job *j = NULL;
    bool is_up = code == NULL;

    if (w->told_state && w->is_up == is_up)
        return;
    j = job_new(JOB_STATE, 0, NULL);
    if (!j)
        return;
    w->told_state = true;
    w->is_up = is_up;
    j->on = is_up;
    j->code = code;
    snprintf(j->message, sizeof j->message, "%s", message);
    queue_put(&w->out, j);
}

static void set_failure(job *j, const char *code, const char *message)
{
    j->code = code;
    snprintf(j->message, sizeof j->message, "%s", message);
    job_drop_rows(j);
}

/* Opens the file unless it is open. Returns NULL, or the code of what is wrong. */
static const char *use_file(worker *w, char message[MESSAGE_BYTES])
{
    const char *code = NULL;

    if (w->d.db)
        return NULL;
    code = database_open(&w->d, &w->options, message);
    if (!code && w->peers.socket < 0)
        peers_open(&w->peers, w->options.path);
    presence_reset(&w->presence);
    return code;
}

/* On a full disk: brings all of the write-ahead log into the file, unless the file would have to
 * grow for that. Then the log's room is free again. Waits for no other process. */
static void make_room(worker *w)
{
    sqlite3_busy_timeout(w->d.db, 0);
    sqlite3_wal_checkpoint_v2(w->d.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    sqlite3_busy_timeout(w->d.db, w->options.busy_timeout);
    w->count.checkpoints++;
}

/* A failure after which the file is opened anew: its contents may be others by then. */
static void close_after(worker *w, int rc)
{
    if ((rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_BUSY)
        return;
    database_close(&w->d);
}

/* --- one job ---------------------------------------------------------------------------------- */

static int open_log(worker *w, const job *j)
{
    log *l = NULL;

    if (j->log >= w->log_count) {
        int count = j->log + 16;
        log *logs = realloc(w->logs, (size_t)count * sizeof *logs);

        if (!logs)
            return SQLITE_NOMEM;
        memset(logs + w->log_count, 0, (size_t)(count - w->log_count) * sizeof *logs);
        w->logs = logs;
        w->log_count = count;
    }
    l = &w->logs[j->log];
    if (!l->name) {
        l->name = strndup(j->text[TEXT_NAME].at, j->text[TEXT_NAME].len);
        l->history = j->history;
        l->history_bytes = j->history_bytes;
        l->max_age = j->max_age;
    }
    if (!l->name)
        return SQLITE_NOMEM;
    for (int i = 0; i < w->log_count; i++)
        if (&w->logs[i] != l && w->logs[i].name && strcmp(w->logs[i].name, l->name) == 0)
            l->shared = w->logs[i].shared = true;
    return SQLITE_OK;
}

static void watch_log(log *l, bool on)
{
    if (on && !l->watched) {
        memcpy(l->seen_epoch, l->epoch, sizeof l->epoch);
        l->seen = l->head;
    }
    l->watched = on;
}

/* Whether note_job does all of the job. */
static bool needs_no_file(const job *j)
{
    return j->kind == JOB_QUIT || j->kind == JOB_CLOSE || j->kind == JOB_FOLLOWERS ||
           j->kind == JOB_COUNT;
}

/* Does a job within the transaction; is_run: LOG_RUN jobs, of which it is the first. Returns
 * SQLITE_OK, or what failed, after which the transaction is rolled back. */
static int do_job(worker *w, job *j, bool is_run, int64_t now)
{
    log *l = j->log < w->log_count ? &w->logs[j->log] : NULL;
    int rc = SQLITE_OK;

    if (needs_no_file(j) || !l || !l->name)
        return SQLITE_OK;
    rc = log_load(&w->d, l, w->transaction);
    if (rc != SQLITE_OK)
        return rc;
    switch (j->kind) {
    case JOB_OPEN:
        return log_save_bounds(&w->d, l);
    case JOB_APPEND:
        return is_run ? log_append_run(&w->d, l, j, now) : log_append(&w->d, l, j, now);
    case JOB_READ:
        return log_read(&w->d, l, j, now);
    case JOB_WATCH:
        watch_log(l, j->on);
        return SQLITE_OK;
    default:
        return SQLITE_OK;
    }
}

static bool any_watched(const worker *w)
{
    for (int i = 0; i < w->log_count; i++)
        if (w->logs[i].name && w->logs[i].watched)
            return true;
    return false;
}

/* A log is watched no more; or it is to be, and could not be read: once it can, its watcher is to
 * read it, too. */
static void note_watch(log *l, bool on)
{
    l->watched = on;
    l->seen = 0;
    l->seen_epoch[0] = '\0';
}

/* What needs no file, and can't fail. */
static void note_job(worker *w, const job *j)
{
    log *l = j->log < w->log_count ? &w->logs[j->log] : NULL;

    if (j->kind == JOB_QUIT)
        w->quit = true;
    else if (j->kind == JOB_CLOSE && l) {
        presence_close(&w->presence, &l->presence);
        log_free(l);
    } else if (j->kind == JOB_WATCH && l && (!j->on || j->code))
        note_watch(l, j->on);
    else if ((j->kind == JOB_FOLLOWERS || j->kind == JOB_COUNT) && l && l->name)
        presence_take(&w->presence, &l->presence, j);
}

/* --- a transaction ---------------------------------------------------------------------------- */

static int save_logs(worker *w, int64_t now)
{
    int rc = SQLITE_OK;

    for (int i = 0; i < w->log_count && rc == SQLITE_OK; i++)
        if (w->logs[i].name && w->logs[i].loaded == w->transaction)
            rc = log_save(&w->d, &w->logs[i], now);
    return rc;
}

/* Whether another object stands for the same log: then both are saved before this one is used. */
static bool is_shared(const worker *w, int number)
{
    return number < w->log_count && w->logs[number].shared;
}

static bool only_reads(const job *first, size_t count)
{
    for (; count > 0; first = first->next, count--)
        if (first->kind != JOB_READ && !needs_no_file(first))
            return false;
    return true;
}

/* Does the jobs within the transaction. */
static int do_in_order(worker *w, job *j, size_t count, int64_t now)
{
    int last = -1, rc = SQLITE_OK;

    while (count > 0 && rc == SQLITE_OK) {
        bool is_run = log_is_run(j, count);

        if (j->log != last && is_shared(w, j->log)) {
            rc = save_logs(w, now);
            w->transaction++; /* what was loaded is loaded anew */
        }
        last = j->log;
        if (rc == SQLITE_OK)
            rc = do_job(w, j, is_run, now);
        for (int done = is_run ? LOG_RUN : 1; done > 0; done--, count--)
            j = j->next;
    }
    return rc == SQLITE_OK ? save_logs(w, now) : rc;
}

/* Does the jobs in one transaction. */
static int do_all(worker *w, job *first, size_t count)
{
    bool reads = only_reads(first, count);
    int rc = database_run(&w->d, reads ? BEGIN_READ : BEGIN_WRITE);

    w->transaction++;
    if (rc == SQLITE_OK)
        rc = do_in_order(w, first, count, wall_now());
    if (rc == SQLITE_OK && !reads && any_watched(w))
        rc = peers_announce(&w->d, &w->peers);
    if (rc == SQLITE_OK && !reads)
        rc = peers_read(&w->d, &w->peers);
    w->transaction++;
    if (rc == SQLITE_OK)
        rc = database_run(&w->d, COMMIT);
    return rc;
}

static bool needs_file(const job *first, size_t count)
{
    for (; count > 0; first = first->next, count--)
        if (!needs_no_file(first) && !(first->kind == JOB_WATCH && !first->on))
            return true;
    return false;
}

/* Does the jobs; returns whether something was added to a log. */
static bool do_batch(worker *w, job *first, size_t count)
{
    char message[MESSAGE_BYTES];
    const char *code = NULL;
    int appends = 0, reads = 0, failures = 0;
    bool added = false;
    job *j = first;

    for (size_t i = 0; i < count; i++, j = j->next)
        if (j->kind == JOB_OPEN && open_log(w, j) != SQLITE_OK)
            set_failure(j, "ENOMEM", "out of memory");
    if (needs_file(first, count)) {
        code = use_file(w, message);
        if (!code) {
            int rc = do_all(w, first, count);

            if (rc != SQLITE_OK) {
                code = database_failure(&w->d, rc, message);
                database_run(&w->d, ROLLBACK);
                if ((rc & 0xff) == SQLITE_FULL)
                    make_room(w);
                w->peers.announced = false; /* unless that was done in an earlier transaction */
                close_after(w, rc);
            }
        }
        tell_state(w, code, code ? message : "");
    }
    j = first;
    for (size_t i = 0; i < count; i++, j = j->next) {
        if (code) {
            set_failure(j, code, message);
            j->held = false;
        }
        added = added || (j->kind == JOB_APPEND && !j->code && !j->held);
        appends += j->kind == JOB_APPEND;
        reads += j->kind == JOB_READ;
        failures += j->code != NULL;
        note_job(w, j);
    }
    w->count.appends += appends;
    w->count.reads += reads;
    w->count.failures += failures;
    w->count.commits += added;
    return added;
}

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

    if (!w->d.db || !any_watched(w))
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

static void checkpoint(worker *w)
{
    bool wait = w->d.wal_pages > RESTART_PAGES;

    w->count.wal_pages = w->d.wal_pages;
    if (!w->d.db || w->d.wal_pages < CHECKPOINT_PAGES)
        return;
    sqlite3_wal_checkpoint_v2(
        w->d.db, NULL, wait ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
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
        added = do_batch(w, all, count);
        if (added)
            tell_news(w);
        all = give_back(w, all, count);
        if (added)
            wake_peers(w);
        checkpoint(w);
    }
}

static void wait_for_work(worker *w)
{
    struct pollfd fds[] = { { .fd = w->in.pipe[0], .events = POLLIN },
                            { .fd = w->peers.socket, .events = POLLIN } };

    int wait = any_watched(w) ? LOOK_EVERY_MS : -1;
    int due = w->behind ? -1 : presence_wait(&w->presence);

    if (wait < 0 || (due >= 0 && due < wait))
        wait = due;
    if (poll(fds, 2, wait) <= 0)
        return;
    if (fds[0].revents)
        queue_drain(&w->in);
    if (fds[1].revents)
        peers_take(&w->peers);
}

/* Does what is due of numbers of followers. Other work goes on if it can't be done. */
static void count_followers(worker *w)
{
    char message[MESSAGE_BYTES];
    const char *code = NULL;
    bool wrote = false;

    if (w->behind || presence_wait(&w->presence) != 0)
        return;
    code = use_file(w, message);
    if (code)
        presence_pause(&w->presence);
    else
        code = presence_turn(&w->presence, w->options.path, message, &wrote);
    if (code && strcmp(code, "EBUSY") == 0)
        return;
    if (code || w->count_failed)
        tell_state(w, code, code ? message : "");
    w->count_failed = code != NULL;
    if (wrote)
        wake_peers(w);
}

/* Whatever other processes have done. */
static void look(worker *w)
{
    if (!any_watched(w) && presence_wait(&w->presence) != 0)
        return;
    if (!has_changed(w))
        return;
    w->presence.look = true;
    tell_news(w);
}

static void *run(void *arg)
{
    worker *w = arg;

    while (!w->quit) {
        wait_for_work(w);
        fork_forbid();
        do_jobs(w);
        if (w->behind && queue_bytes(&w->out) <= MAX_OUT_BYTES / 2) {
            w->behind = false;
            tell_news(w);
        }
        look(w);
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
