#include "presence.h"

#include <stdlib.h>
#include <time.h>

#define WRITE_EVERY_MS 200
#define READ_EVERY_MS  100
#define CHECK_EVERY_MS 500
#define PAUSE_MS       1000 /* after a failure */
#define BUSY_PAUSE_MS  50   /* after another process had the file */
#define MOST_PATIENCE  640

static int64_t now_ms(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int failed(const database *d)
{
    int rc = sqlite3_errcode(d->db);

    return rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_NOMEM : rc;
}

/* --- what is due ------------------------------------------------------------------------------ */

void presence_reset(presence *p)
{
    p->look = true;
    p->changed = false;
    p->counted = -1;
    p->peers->announced = false; /* which drops what the file has under that name */
    for (int i = 0; i < *p->log_count; i++) {
        log_presence *l = &(*p->logs)[i].presence;

        l->written = l->channel = 0;
        l->is_left = false;
        l->total = -1;
        p->changed = p->changed || l->followers > 0;
    }
}

void presence_take(presence *p, log_presence *l, const job *j)
{
    if (j->kind == JOB_FOLLOWERS) {
        l->followers = j->limit;
        p->changed = p->changed || l->followers != l->written || l->is_left;
        return;
    }
    l->wanted = j->on;
    l->told = -1;
    p->look = true;
}

void presence_close(presence *p, const log_presence *l)
{
    p->changed = p->changed || l->written > 0;
}

bool presence_is_wanted(const presence *p)
{
    for (int i = 0; i < *p->log_count; i++)
        if ((*p->logs)[i].name && (*p->logs)[i].presence.wanted)
            return true;
    return false;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When something is due; INT64_MAX: nothing is. */
static int64_t due_at(const presence *p)
{
    int64_t at = INT64_MAX;

    if (p->changed)
        at = p->next_write;
    if (presence_is_wanted(p))
        at = earlier(at, p->look ? earlier(p->next_read, p->next_check) : p->next_check);
    return at;
}

int presence_wait(const presence *p)
{
    int64_t at = due_at(p), now = now_ms();

    if (at == INT64_MAX)
        return -1;
    return at > now ? (int)(at - now) : 0;
}

void presence_pause(presence *p)
{
    p->next_write = p->next_read = p->next_check = now_ms() + PAUSE_MS;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Begins a transaction that writes. Others' reads wait on this thread meanwhile, so it has little
 * patience with whoever has the file, but more each time. */
static int begin(presence *p)
{
    int rc = SQLITE_OK;

    sqlite3_busy_timeout(p->d->db, p->patience < p->busy_timeout ? p->patience : p->busy_timeout);
    rc = database_run(p->d, BEGIN_WRITE);
    sqlite3_busy_timeout(p->d->db, p->busy_timeout);
    if (rc == SQLITE_OK)
        p->patience = PATIENCE_MS;
    else if (p->patience < MOST_PATIENCE)
        p->patience *= 2;
    return rc;
}

static int run_of_peer(presence *p, statement s, int number, const log_presence *l)
{
    sqlite3_stmt *st = database_get(p->d, s);
    int rc = SQLITE_OK;

    if (!st)
        return failed(p->d);
    sqlite3_bind_text(st, 1, p->peers->name, -1, SQLITE_STATIC);
    sqlite3_bind_int(st, 2, number);
    if (s == SET_PRESENCE) {
        sqlite3_bind_int64(st, 3, l->channel);
        sqlite3_bind_int64(st, 4, l->followers);
    }
    rc = sqlite3_step(st);
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Finds the log's row in `channels`. */
static int find_channel(presence *p, log *l)
{
    int rc = SQLITE_OK;

    if (l->presence.channel)
        return SQLITE_OK;
    rc = log_load(p->d, l, *p->transaction);
    if (rc == SQLITE_OK)
        l->presence.channel = l->id;
    return rc;
}

/* Writes this process's numbers that have changed. */
static int write_own(presence *p)
{
    int rc = peers_announce(p->d, p->peers);

    if (p->peers->socket < 0)
        return rc; /* nobody could tell when this process dies: it counts for itself alone */
    for (int i = 0; i < *p->log_count && rc == SQLITE_OK; i++) {
        log *l = &(*p->logs)[i];

        if (l->presence.followers == l->presence.written && !l->presence.is_left)
            continue;
        if (l->presence.followers == 0 || l->presence.is_left)
            rc = run_of_peer(p, DROP_PRESENCE, i, &l->presence);
        if (rc == SQLITE_OK && l->presence.followers > 0)
            rc = find_channel(p, l);
        if (rc == SQLITE_OK && l->presence.followers > 0)
            rc = run_of_peer(p, SET_PRESENCE, i, &l->presence);
        l->presence.written = l->presence.followers;
        l->presence.is_left = false;
    }
    return rc;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* A channel whose number of followers has changed. */
typedef struct change {
    int64_t channel, followers;
} change;

typedef struct changes {
    change *list;
    size_t count, capacity;
} changes;

static int compare(const void *a, const void *b)
{
    int64_t x = ((const change *)a)->channel, y = ((const change *)b)->channel;

    return x < y ? -1 : x > y;
}

static bool add(changes *c, change one)
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity ? 2 * c->capacity : 64;
        change *list = realloc(c->list, capacity * sizeof *list);

        if (!list)
            return false;
        c->list = list;
        c->capacity = capacity;
    }
    c->list[c->count++] = one;
    return true;
}

/* The number that a statement gives. */
static int read_number(presence *p, statement s, int64_t id, int64_t *number)
{
    sqlite3_stmt *st = database_get(p->d, s);
    int rc = SQLITE_OK;

    if (!st)
        return failed(p->d);
    if (s == READ_COUNT)
        sqlite3_bind_int64(st, 1, id);
    rc = sqlite3_step(st);
    *number = rc == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Reads what has changed since this was done last. */
static int read_changes(presence *p, changes *c)
{
    sqlite3_stmt *st = NULL;
    int rc = SQLITE_OK;

    if (p->counted < 0)
        return read_number(p, LAST_COUNTED, 0, &p->counted); /* every log is read by itself */
    st = database_get(p->d, READ_COUNTED);
    if (!st)
        return failed(p->d);
    sqlite3_bind_int64(st, 1, p->counted);
    for (rc = sqlite3_step(st); rc == SQLITE_ROW; rc = sqlite3_step(st)) {
        change one = { sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1) };

        if (!add(c, one)) {
            rc = SQLITE_NOMEM;
            break;
        }
        p->counted = sqlite3_column_int64(st, 2);
    }
    sqlite3_reset(st);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int read_log(presence *p, log *l, const changes *c)
{
    change key = { .channel = l->presence.channel };
    const change *found = NULL;
    int rc = find_channel(p, l);

    if (rc == SQLITE_OK && l->presence.total < 0)
        return read_number(p, READ_COUNT, l->presence.channel, &l->presence.total);
    if (rc == SQLITE_OK && c->count > 0)
        found = bsearch(&key, c->list, c->count, sizeof *c->list, compare);
    if (found)
        l->presence.total = found->followers;
    return rc;
}

static int read_all(presence *p)
{
    changes c = { 0 };
    int rc = read_changes(p, &c);

    if (rc == SQLITE_OK && c.count > 1)
        qsort(c.list, c.count, sizeof *c.list, compare);
    for (int i = 0; i < *p->log_count && rc == SQLITE_OK; i++)
        if ((*p->logs)[i].name && (*p->logs)[i].presence.wanted)
            rc = read_log(p, &(*p->logs)[i], &c);
    free(c.list);
    return rc;
}

/* Tells the loop what it has not been told. */
static void tell(presence *p)
{
    for (int i = 0; i < *p->log_count; i++) {
        log_presence *l = &(*p->logs)[i].presence;
        int64_t own = l->is_left ? 0 : l->written;
        int64_t others = l->total > own ? l->total - own : 0;
        job *j = NULL;

        if (!(*p->logs)[i].name || !l->wanted || l->total < 0 || others == l->told)
            continue;
        j = job_new(JOB_OTHERS, i, NULL);
        if (!j) {
            p->look = true;
            break;
        }
        j->limit = l->told = others;
        queue_put(p->out, j);
    }
}

/* --- a turn ----------------------------------------------------------------------------------- */

/* Ends the transaction. */
static int end(presence *p, int rc)
{
    ++*p->transaction; /* what was loaded is loaded anew */
    return rc == SQLITE_OK ? database_run(p->d, COMMIT) : rc;
}

/* Forgets peers that have died. */
static int check(presence *p, const char *file)
{
    char *dead = NULL;
    int rc = SQLITE_OK;

    if (!peers_is_known(p->d, p->peers, file)) {
        presence_reset(p);
        p->changed = true;
    }
    while (rc == SQLITE_OK && (dead = peers_find_dead(p->d, p->peers)) != NULL) {
        rc = begin(p);
        if (rc == SQLITE_OK)
            rc = end(p, peers_forget(p->d, p->peers, dead));
        p->look = true; /* one's own changes are in no data_version that one reads */
        free(dead);
    }
    return rc;
}

static int transact(presence *p, bool writes)
{
    int rc = writes ? begin(p) : database_run(p->d, BEGIN_READ);

    if (rc != SQLITE_OK)
        return rc;
    ++*p->transaction;
    if (writes)
        rc = write_own(p);
    if (rc == SQLITE_OK)
        rc = read_all(p);
    if (rc == SQLITE_OK && writes)
        rc = peers_read(p->d, p->peers);
    rc = end(p, rc);
    if (rc != SQLITE_OK)
        return rc;
    if (writes)
        p->changed = false;
    p->look = false;
    tell(p);
    return rc;
}

/* What failed, after which the file is opened anew unless it is only full or in use. */
static const char *fail(presence *p, int rc, char message[MESSAGE_BYTES])
{
    const char *code = database_failure(p->d, rc, message);

    if (!sqlite3_get_autocommit(p->d->db)) {
        database_run(p->d, ROLLBACK);
        presence_reset(p);
    }
    presence_pause(p);
    if ((rc & 0xff) == SQLITE_BUSY)
        p->next_write = p->next_read = p->next_check = now_ms() + BUSY_PAUSE_MS;
    else if ((rc & 0xff) != SQLITE_FULL)
        database_close(p->d);
    return code;
}

const char *presence_turn(presence *p, const char *file, char message[MESSAGE_BYTES], bool *wrote)
{
    int64_t now = now_ms();
    bool checks = presence_is_wanted(p) && now >= p->next_check;
    bool writes = false, reads = false;
    int rc = SQLITE_OK;

    if (checks) {
        rc = check(p, file);
        p->next_check = now + CHECK_EVERY_MS;
    }
    writes = p->changed && now >= p->next_write;
    reads = p->look && now >= p->next_read;
    if (rc == SQLITE_OK && (writes || reads)) {
        rc = transact(p, writes);
        p->next_read = now + READ_EVERY_MS;
        p->next_write = writes ? now + WRITE_EVERY_MS : p->next_write;
    }
    *wrote = rc == SQLITE_OK && writes;
    return rc == SQLITE_OK ? NULL : fail(p, rc, message);
}
