#include "batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker_state.h"

static int64_t wall_now(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- the file --------------------------------------------------------------------------------- */

/* Tells the program whether the file can be used, where that has changed. */
void batch_tell_state(worker *w, const char *code, const char *message)
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
const char *batch_use_file(worker *w, char message[MESSAGE_BYTES])
{
    const char *code = NULL;

    if (w->d.db)
        return NULL;
    code = database_open(&w->d, &w->options, message);
    if (!code && w->peers.socket < 0)
        peers_open(&w->peers, w->options.path);
    w->data_version = -1; /* each connection counts for itself */
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

bool batch_any_watched(const worker *w)
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
    if (rc == SQLITE_OK && !reads && batch_any_watched(w))
        rc = peers_announce(&w->d, &w->peers);
    if (rc == SQLITE_OK && !reads)
        rc = peers_read(&w->d, &w->peers);
    w->transaction++;
    if (rc == SQLITE_OK)
        rc = database_run(&w->d, COMMIT);
    return rc;
}

/* Whether the job wants what only a log can give, and there is none. */
static bool is_without_log(const worker *w, const job *j)
{
    return (j->kind == JOB_APPEND || j->kind == JOB_READ) &&
           (j->log >= w->log_count || !w->logs[j->log].name);
}

static bool needs_file(const job *first, size_t count)
{
    for (; count > 0; first = first->next, count--)
        if (!needs_no_file(first) && !(first->kind == JOB_WATCH && !first->on))
            return true;
    return false;
}

/* Does the jobs; returns whether something was added to a log. */
bool batch_do(worker *w, job *first, size_t count)
{
    char message[MESSAGE_BYTES];
    const char *code = NULL;
    int appends = 0, reads = 0, failures = 0;
    bool added = false;
    job *j = first;

    for (size_t i = 0; i < count; i++, j = j->next)
        if (j->kind == JOB_OPEN ? open_log(w, j) != SQLITE_OK : is_without_log(w, j))
            set_failure(j, "ENOMEM", "no memory was left to open the log");
    if (needs_file(first, count)) {
        code = batch_use_file(w, message);
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
        batch_tell_state(w, code, code ? message : "");
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
