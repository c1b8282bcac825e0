#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLACK_EVENTS        256 /* rows kept before `first`, for watchers that are behind */
#define SLACK_BYTES         (1024 * 1024) /* at most, of these */
#define DROP_EVENTS_AT_ONCE 64            /* rows that are dropped together, at least */
#define ROW_VALUES          8             /* of a row of `events` */
#define READ_BYTES          (256 * 1024)  /* of a page */
#define NEWS_BYTES          (1024 * 1024) /* of events told at once */

static int failed(const database *d)
{
    int rc = sqlite3_errcode(d->db);

    return rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_NOMEM : rc;
}

/* Steps a statement whose result is one row or none; *has: it is a row. */
static int step(sqlite3_stmt *s, bool *has)
{
    int rc = sqlite3_step(s);

    *has = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Returns whether there is a text. */
static bool bind(sqlite3_stmt *s, int index, text t)
{
    if (t.at)
        sqlite3_bind_text64(s, index, t.at, t.len, SQLITE_STATIC, SQLITE_UTF8);
    return t.at != NULL;
}

static text column(sqlite3_stmt *s, int index)
{
    text t = { (const char *)sqlite3_column_text(s, index), 0 };

    if (t.at)
        t.len = (size_t)sqlite3_column_bytes(s, index);
    return t;
}

/* Of the event at a position: `place` in the schema. */
static int64_t place_at(const log *l, int64_t position)
{
    return l->id * ((int64_t)1 << 40) + position;
}

/* --- the log's row ---------------------------------------------------------------------------- */

static bool set_left_id(log *l, text id)
{
    char *copy = id.at ? malloc(id.len + 1) : NULL;

    if (id.at && !copy)
        return false;
    if (id.at)
        memcpy(copy, id.at, id.len);
    free(l->left_id);
    l->left_id = copy;
    l->left_id_len = id.len;
    return true;
}

static int find(database *d, log *l, bool *found)
{
    sqlite3_stmt *s = database_get(d, FIND_CHANNEL);
    int rc = SQLITE_OK;

    if (!s)
        return failed(d);
    sqlite3_bind_text(s, 1, l->name, -1, SQLITE_STATIC);
    rc = step(s, found);
    if (rc == SQLITE_OK && *found) {
        text epoch = column(s, 1);

        if (l->first != sqlite3_column_int64(s, 3) || !sse_slice_is(epoch, l->epoch))
            l->oldest = -1;
        l->id = sqlite3_column_int64(s, 0);
        snprintf(l->epoch, sizeof l->epoch, "%.*s", (int)epoch.len, epoch.at ? epoch.at : "");
        l->head = sqlite3_column_int64(s, 2);
        l->first = sqlite3_column_int64(s, 3);
        l->kept = sqlite3_column_int64(s, 4);
        l->bytes = sqlite3_column_int64(s, 5);
        l->time = sqlite3_column_int64(s, 6);
        if (!set_left_id(l, column(s, 7)))
            rc = SQLITE_NOMEM;
    }
    sqlite3_reset(s);
    return rc;
}

int log_load(database *d, log *l, uint64_t transaction)
{
    bool found = false;
    sqlite3_stmt *s = NULL;
    int rc = SQLITE_OK;

    if (l->loaded == transaction)
        return SQLITE_OK;
    l->dirty = false;
    rc = find(d, l, &found);
    if (rc == SQLITE_OK && !found) {
        s = database_get(d, ADD_CHANNEL);
        if (!s)
            return failed(d);
        sqlite3_bind_text(s, 1, l->name, -1, SQLITE_STATIC);
        rc = step(s, &found);
        sqlite3_reset(s);
        if (rc == SQLITE_OK)
            rc = find(d, l, &found);
        if (rc == SQLITE_OK && !found)
            rc = SQLITE_CORRUPT;
    }
    if (rc == SQLITE_OK)
        l->loaded = transaction;
    return rc;
}

int log_save_bounds(database *d, const log *l)
{
    sqlite3_stmt *s = database_get(d, SET_BOUNDS);
    bool has = false;
    int rc = SQLITE_OK;

    if (!s)
        return failed(d);
    sqlite3_bind_text(s, 1, l->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, l->history);
    sqlite3_bind_int64(s, 3, l->history_bytes);
    if (l->max_age)
        sqlite3_bind_int64(s, 4, l->max_age);
    rc = step(s, &has);
    sqlite3_reset(s);
    return rc;
}

void log_free(log *l)
{
    free(l->name);
    free(l->left_id);
    *l = (log){ .presence = { .written = l->presence.written, /* is still to be taken back */
                              .is_left = l->presence.written > 0 } };
}

/* --- dropping events -------------------------------------------------------------------------- */

/* Drops the rows long before `first`, of which `before` is the bytes of all events before it. The
 * rows right before stay a while for watchers that have not read them. */
static int drop_rows(database *d, log *l, int64_t before)
{
    sqlite3_stmt *s = NULL;
    bool has = false;
    int rc = SQLITE_OK;

    if (l->head == 0 || l->first == l->kept)
        return SQLITE_OK;
    if (l->first - l->kept < DROP_EVENTS_AT_ONCE &&
        (l->first - l->kept) * (l->bytes / l->head) < SLACK_BYTES)
        return SQLITE_OK;
    s = database_get(d, DROP_EVENTS);
    if (!s)
        return failed(d);
    sqlite3_bind_int64(s, 1, place_at(l, 0));
    sqlite3_bind_int64(s, 2, place_at(l, l->first));
    sqlite3_bind_int64(s, 3, place_at(l, l->first - SLACK_EVENTS));
    sqlite3_bind_int64(s, 4, before - SLACK_BYTES);
    rc = step(s, &has);
    sqlite3_reset(s);
    l->kept = l->first; /* looks again when as many more have left the history */
    return rc;
}

/* Whether the event at a position is over the bounds. `before`: the bytes of all events before it.
 */
static bool is_over(const log *l, int64_t position, int64_t before, int64_t time, int64_t now)
{
    return l->head - position >= l->history || l->bytes - before > l->history_bytes ||
           (l->max_age && now - time >= l->max_age);
}

/* Moves `first` behind the events that are over the bounds. Walks over those that leave alone, and
 * asks the file nothing while the oldest event is known to stay. */
static int trim(database *d, log *l, int64_t now)
{
    sqlite3_stmt *s = NULL;
    bool has = false;
    int rc = SQLITE_OK;

    if (l->oldest >= 0 && !is_over(l, l->first, l->oldest, l->oldest_time, now))
        return SQLITE_OK;
    s = database_get(d, READ_PLACES);
    if (!s)
        return failed(d);
    l->oldest = l->bytes;
    sqlite3_bind_int64(s, 1, place_at(l, l->first));
    sqlite3_bind_int64(s, 2, place_at(l, l->head));
    for (rc = step(s, &has); rc == SQLITE_OK && has; rc = step(s, &has)) {
        int64_t position = sqlite3_column_int64(s, 0);

        l->oldest_time = sqlite3_column_int64(s, 1);
        l->oldest = sqlite3_column_int64(s, 2);
        if (!is_over(l, position, l->oldest, l->oldest_time, now))
            break;
        if (!set_left_id(l, column(s, 3)))
            rc = SQLITE_NOMEM;
        l->first = position + 1;
        l->dirty = true;
        l->oldest = l->bytes;
    }
    sqlite3_reset(s);
    if (rc == SQLITE_OK)
        return drop_rows(d, l, l->oldest);
    l->oldest = -1;
    return rc;
}

int log_save(database *d, log *l, int64_t now)
{
    sqlite3_stmt *s = NULL;
    bool has = false;
    int rc = SQLITE_OK;

    if (!l->dirty)
        return SQLITE_OK;
    rc = trim(d, l, now);
    if (rc != SQLITE_OK)
        return rc;
    s = database_get(d, SAVE_CHANNEL);
    if (!s)
        return failed(d);
    sqlite3_bind_int64(s, 1, l->id);
    sqlite3_bind_int64(s, 2, l->head);
    sqlite3_bind_int64(s, 3, l->first);
    sqlite3_bind_int64(s, 4, l->kept);
    sqlite3_bind_int64(s, 5, l->bytes);
    sqlite3_bind_int64(s, 6, l->time);
    bind(s, 7, (text){ l->left_id, l->left_id_len });
    rc = step(s, &has);
    sqlite3_reset(s);
    l->dirty = false;
    return rc;
}

/* --- appending -------------------------------------------------------------------------------- */

static int64_t find_id(database *d, const log *l, text id, int *rc)
{
    sqlite3_stmt *s = database_get(d, FIND_ID);
    int64_t position = 0;
    bool has = false;

    if (!s) {
        *rc = failed(d);
        return 0;
    }
    sqlite3_bind_int64(s, 1, l->id);
    bind(s, 2, id);
    sqlite3_bind_int64(s, 3, place_at(l, l->first));
    *rc = step(s, &has);
    if (*rc == SQLITE_OK && has)
        position = sqlite3_column_int64(s, 0);
    sqlite3_reset(s);
    return position;
}

static int add_row(job *j, sqlite3_stmt *s)
{
    text t[TEXTS];

    for (int i = 0; i < TEXTS; i++)
        t[i] = column(s, 2 + i);
    return job_add_row(j, sqlite3_column_int64(s, 0), sqlite3_column_int64(s, 1), t) ? SQLITE_OK
                                                                                     : SQLITE_NOMEM;
}

/* Looks for an event with the record's dedupe; where there is one, that is the append's result. */
static int find_dedupe(database *d, const log *l, job *j)
{
    sqlite3_stmt *s = database_get(d, FIND_DEDUPE);
    bool has = false;
    int rc = SQLITE_OK;

    if (!s)
        return failed(d);
    sqlite3_bind_int64(s, 1, l->id);
    bind(s, 2, j->text[TEXT_DEDUPE]);
    sqlite3_bind_int64(s, 3, place_at(l, l->first));
    rc = step(s, &has);
    if (rc == SQLITE_OK && has) {
        j->position = sqlite3_column_int64(s, 0);
        j->held = true;
        rc = add_row(j, s);
    }
    sqlite3_reset(s);
    return rc;
}

/* Sets the values of the n-th row of the statement, and takes the event for added. */
static void add_event(log *l, sqlite3_stmt *s, int n, job *j)
{
    int first = n * ROW_VALUES + 1;

    l->head++;
    if (l->head == l->first) {
        l->oldest = l->bytes;
        l->oldest_time = l->time;
    }
    sqlite3_bind_int64(s, first, place_at(l, l->head));
    sqlite3_bind_int64(s, first + 1, l->time);
    for (int i = 0; i < TEXTS; i++)
        if (!bind(s, first + 2 + i, j->text[i]))
            sqlite3_bind_null(s, first + 2 + i); /* it has the value of an event before */
    sqlite3_bind_int64(s, first + 2 + TEXTS, l->bytes);
    l->bytes += (int64_t)j->text[TEXT_EVENT].len;
    memcpy(j->epoch, l->epoch, sizeof j->epoch);
    j->position = l->head;
}

/* Adds the events of one job, or of LOG_RUN jobs. */
static int insert(database *d, log *l, job *first, int count, int64_t now)
{
    sqlite3_stmt *s = database_prepare(d, count == 1 ? ADD_EVENT : ADD_EVENTS);
    bool has = false;
    int rc = SQLITE_OK;

    if (!s)
        return failed(d);
    l->time = now > l->time ? now : l->time; /* times never fall, whatever the clock does */
    l->dirty = true;
    for (int n = 0; n < count; n++, first = first->next)
        add_event(l, s, n, first);
    rc = step(s, &has);
    sqlite3_reset(s);
    return rc;
}

bool log_is_run(const job *first, size_t count)
{
    const job *j = first;

    if (count < LOG_RUN)
        return false;
    for (int i = 0; i < LOG_RUN; i++, j = j->next)
        if (j->kind != JOB_APPEND || j->log != first->log || j->text[TEXT_ID].at ||
            j->text[TEXT_DEDUPE].at)
            return false;
    return true;
}

int log_append_run(database *d, log *l, job *first, int64_t now)
{
    return insert(d, l, first, LOG_RUN, now);
}

int log_append(database *d, log *l, job *j, int64_t now)
{
    int rc = SQLITE_OK;

    memcpy(j->epoch, l->epoch, sizeof j->epoch);
    if (j->text[TEXT_DEDUPE].at || j->text[TEXT_ID].at)
        rc = trim(d, l, now);
    if (rc == SQLITE_OK && j->text[TEXT_DEDUPE].at)
        rc = find_dedupe(d, l, j);
    if (rc != SQLITE_OK || j->held)
        return rc;
    if (j->text[TEXT_ID].at && find_id(d, l, j->text[TEXT_ID], &rc)) {
        j->code = "EEXIST";
        snprintf(j->message, sizeof j->message,
                 "field 'id': an event with that id is held already");
        return SQLITE_OK;
    }
    return rc == SQLITE_OK ? insert(d, l, j, 1, now) : rc;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* The time of the event at a position; 0: there is none. */
static int64_t time_at(database *d, const log *l, int64_t position, int *rc)
{
    sqlite3_stmt *s = database_get(d, READ_PLACES);
    int64_t time = 0;
    bool has = false;

    if (!s) {
        *rc = failed(d);
        return 0;
    }
    sqlite3_bind_int64(s, 1, place_at(l, position));
    sqlite3_bind_int64(s, 2, place_at(l, l->head));
    *rc = step(s, &has);
    if (has)
        time = sqlite3_column_int64(s, 1);
    sqlite3_reset(s);
    return time;
}

/* Finds the first event that has not reached max_age, by halves: times never fall. */
static int find_first(database *d, const log *l, int64_t now, int64_t *first)
{
    int64_t low = l->first, high = l->head + 1;
    int rc = SQLITE_OK;

    while (l->max_age && low < high && rc == SQLITE_OK) {
        int64_t middle = low + (high - low) / 2;

        if (now - time_at(d, l, middle, &rc) >= l->max_age)
            low = middle + 1;
        else
            high = middle;
    }
    *first = low;
    return rc;
}

static int read_rows(database *d, const log *l, job *j, int64_t after, int64_t limit, size_t most)
{
    sqlite3_stmt *s = database_get(d, READ_EVENTS);
    bool has = false;
    int rc = SQLITE_OK;

    if (!s)
        return failed(d);
    sqlite3_bind_int64(s, 1, place_at(l, after < l->head ? after : l->head));
    sqlite3_bind_int64(s, 2, place_at(l, l->head));
    sqlite3_bind_int64(s, 3, limit);
    for (rc = step(s, &has); rc == SQLITE_OK && has; rc = step(s, &has)) {
        rc = add_row(j, s);
        if (rc != SQLITE_OK || j->row_bytes >= most)
            break;
    }
    sqlite3_reset(s);
    return rc;
}

/* The position that the read is to begin after; 0 for an own id that no event has. */
static int64_t place_of(database *d, const log *l, const job *j, int *rc)
{
    text id = j->text[TEXT_ID];
    int64_t position = 0;

    if (j->after >= 0)
        return j->after;
    position = find_id(d, l, id, rc);
    if (position == 0 && l->left_id && l->left_id_len == id.len &&
        memcmp(l->left_id, id.at, id.len) == 0)
        position = l->first - 1;
    return position;
}

int log_read(database *d, log *l, job *j, int64_t now)
{
    int rc = SQLITE_OK;

    if (l->dirty) /* by an append of the same transaction */
        rc = trim(d, l, now);
    if (rc == SQLITE_OK)
        j->position = place_of(d, l, j, &rc);
    memcpy(j->epoch, l->epoch, sizeof j->epoch);
    j->head = l->head;
    if (rc == SQLITE_OK)
        rc = find_first(d, l, now, &j->first);
    if (rc == SQLITE_OK && j->limit > 0 && (j->after >= 0 || j->position > 0))
        rc = read_rows(d, l, j, j->position, j->limit, READ_BYTES);
    return rc;
}

int log_news(database *d, log *l, job *j, bool *more)
{
    int rc = SQLITE_OK;

    *more = false;
    memcpy(j->epoch, l->epoch, sizeof j->epoch);
    if (strcmp(l->epoch, l->seen_epoch) != 0 || l->head < l->seen) {
        memcpy(l->seen_epoch, l->epoch, sizeof l->epoch); /* the log is another one */
        l->seen = l->head;
        return SQLITE_OK;
    }
    rc = read_rows(d, l, j, l->seen, -1, NEWS_BYTES);
    for (const row *r = j->rows; r; r = r->next)
        l->seen = r->position;
    if (!j->rows)
        l->seen = l->head; /* all of them have been dropped */
    *more = l->seen < l->head;
    return rc;
}
