#include "database.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define VERSION        1
#define APPLICATION    0x53534531 /* "SSE1" */
#define WAL_SIZE_LIMIT "16777216" /* bytes to which the write-ahead log is cut once it is empty */

/* --- the schema ------------------------------------------------------------------------------- */

/* A channel's events lie behind one another, since `place` is the channel's number and the event's
 * position in one: new ones go to the end of a table whose key is the row's own. */
static const char schema[] =
    "CREATE TABLE channels (id INTEGER PRIMARY KEY CHECK (id < 8388608),"
    " name TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL,"
    " head INTEGER NOT NULL DEFAULT 0, first INTEGER NOT NULL DEFAULT 1,"
    " kept INTEGER NOT NULL DEFAULT 1, bytes INTEGER NOT NULL DEFAULT 0,"
    " time INTEGER NOT NULL DEFAULT 0, left_id TEXT,"
    " history INTEGER, history_bytes INTEGER, max_age INTEGER,"
    " followers INTEGER NOT NULL DEFAULT 0, counted INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX channels_counted ON channels (counted);"
    "CREATE TABLE events (place INTEGER PRIMARY KEY, channel INTEGER AS (place >> 40),"
    " position INTEGER AS (place & 1099511627775), time INTEGER NOT NULL, id TEXT,"
    " event TEXT NOT NULL, key TEXT, dedupe TEXT, meta TEXT, before INTEGER NOT NULL);"
    "CREATE INDEX events_id ON events (channel, id) WHERE id IS NOT NULL;"
    "CREATE INDEX events_dedupe ON events (channel, dedupe) WHERE dedupe IS NOT NULL;"
    "CREATE TABLE peers (path TEXT PRIMARY KEY, pid INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE VIEW history AS SELECT name AS channel, coalesce(events.id, epoch || '-' || position)"
    " AS id, strftime('%Y-%m-%d %H:%M:%f', events.time / 1000.0, 'unixepoch') AS time, event, key,"
    " dedupe, meta FROM channels JOIN events ON place >= (channels.id << 40) + first"
    " AND place <= (channels.id << 40) + head ORDER BY name, place;"
    "CREATE TABLE inbox (channel TEXT NOT NULL, data TEXT NOT NULL, event TEXT, id TEXT, key TEXT,"
    " dedupe TEXT, meta TEXT);";

/* How many followers each process has told for each log that it has open. The triggers keep the
 * sums in `channels`, where `counted` numbers the changes, and forget those of a process that is no
 * peer any more. */
#define COUNT(difference, of) \
    "UPDATE channels SET followers = followers + " difference "," \
    " counted = 1 + (SELECT max(counted) FROM channels) WHERE id = " of ".channel;"

static const char presence[] =
    "CREATE TABLE presence (peer TEXT NOT NULL, log INTEGER NOT NULL, channel INTEGER NOT NULL,"
    " followers INTEGER NOT NULL, PRIMARY KEY (peer, log)) WITHOUT ROWID;"
    "CREATE TRIGGER count_new AFTER INSERT ON presence BEGIN " COUNT(
        "NEW.followers",
        "NEW") "END;"
               "CREATE TRIGGER count_changed AFTER UPDATE ON presence BEGIN " COUNT(
                   "NEW.followers - OLD.followers",
                   "NEW") "END;"
                          "CREATE TRIGGER count_left AFTER DELETE ON presence BEGIN " COUNT(
                              "-OLD.followers",
                              "OLD") "END;"
                                     "CREATE TRIGGER peer_left AFTER DELETE ON peers BEGIN"
                                     " DELETE FROM presence WHERE peer = OLD.path; END;";

/* An INSERT into the table inbox publishes, whoever does it, also while no process of ours runs. It
 * refuses what channel:publish refuses, */
static const char inbox[] =
    "CREATE TRIGGER publish AFTER INSERT ON inbox BEGIN "
    "SELECT RAISE(ABORT, 'the channel is empty or holds a NUL')"
    " WHERE NEW.channel = '' OR instr(NEW.channel, char(0)) > 0;"
    "SELECT RAISE(ABORT, 'only data may be a BLOB')"
    " WHERE 'blob' IN (typeof(NEW.channel), typeof(NEW.event), typeof(NEW.id), typeof(NEW.key),"
    " typeof(NEW.dedupe), typeof(NEW.meta));"
    "SELECT RAISE(ABORT, 'event or id holds a line break or a NUL') FROM"
    " (SELECT coalesce(NEW.event, '') || coalesce(NEW.id, '') AS text)"
    " WHERE instr(text, char(10)) > 0 OR instr(text, char(13)) > 0 OR instr(text, char(0)) > 0;"
    "SELECT RAISE(ABORT, 'id is empty or longer than 1024 bytes')"
    " WHERE length(CAST(NEW.id AS BLOB)) NOT BETWEEN 1 AND 1024;"
    "SELECT RAISE(ABORT, 'id has the form of the channel''s own ids') FROM"
    " (SELECT epoch, substr(NEW.id, length(epoch) + 2) AS rest FROM channels"
    " WHERE name = NEW.channel)"
    " WHERE NEW.id = epoch || '-' || rest AND rest GLOB '[0-9]*' AND NOT rest GLOB '*[^0-9]*';"
    "SELECT RAISE(ABORT, 'meta is not JSON')"
    " WHERE NEW.meta IS NOT NULL AND NOT json_valid(NEW.meta);"
    "INSERT OR IGNORE INTO channels (name, epoch)"
    " VALUES (NEW.channel, lower(hex(randomblob(8))));"
    /* does nothing where an event with that dedupe is held */
    "INSERT INTO events (place, time, id, event, key, dedupe, meta, before)"
    " SELECT (id << 40) + head + 1,"
    " max(time, CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)),"
    " NEW.id, coalesce('event: ' || NEW.event || char(10), '') || 'data: ' ||"
    " replace(replace(replace(NEW.data, char(13, 10), char(10)), char(13), char(10)), char(10),"
    " char(10) || 'data: ') || char(10, 10), NEW.key, NEW.dedupe, NEW.meta, bytes"
    " FROM channels WHERE name = NEW.channel AND NOT EXISTS (SELECT 1 FROM events AS e"
    " WHERE e.channel = channels.id AND e.dedupe = NEW.dedupe"
    " AND e.place >= (channels.id << 40) + channels.first);"
    "SELECT RAISE(ABORT, 'an event with that id is held already')"
    " FROM channels JOIN events AS added ON added.place = (channels.id << 40) + head + 1"
    " JOIN events AS e ON e.channel = channels.id AND e.id = NEW.id"
    " AND e.place BETWEEN (channels.id << 40) + first AND (channels.id << 40) + head"
    " WHERE name = NEW.channel;"
    "UPDATE channels SET (head, time, bytes) = (SELECT position, time,"
    " before + length(CAST(event AS BLOB)) FROM events"
    " WHERE place = (channels.id << 40) + head + 1) WHERE name = NEW.channel AND EXISTS"
    " (SELECT 1 FROM events WHERE place = (channels.id << 40) + head + 1);"
    "DELETE FROM inbox WHERE rowid = NEW.rowid; END;";

/* and what is over the bounds goes as in log.c: where only such rows come, nobody else drops it.
 * `history` is NULL of a channel that no process has opened yet. */
static const char trimming[] =
    "CREATE TRIGGER trim AFTER DELETE ON inbox BEGIN "
    "UPDATE channels SET first = coalesce((SELECT position FROM events AS e"
    " WHERE place BETWEEN (channels.id << 40) + first AND (channels.id << 40) + head"
    " AND head - position < history AND bytes - before <= history_bytes"
    " AND (max_age IS NULL OR channels.time - e.time < max_age) ORDER BY place LIMIT 1), head + 1)"
    " WHERE name = OLD.channel AND history IS NOT NULL;"
    "UPDATE channels SET left_id = (SELECT e.id FROM events AS e"
    " WHERE place = (channels.id << 40) + first - 1) WHERE name = OLD.channel AND EXISTS"
    " (SELECT 1 FROM events WHERE place = (channels.id << 40) + first - 1);"
    "DELETE FROM events WHERE place IN (SELECT e.place FROM channels JOIN events AS e"
    " ON e.place BETWEEN (channels.id << 40) AND (channels.id << 40) + first - 1"
    " WHERE name = OLD.channel AND head > 0 AND"
    " (first - kept >= 64 OR (first - kept) * (bytes / head) >= 1048576) AND"
    " (e.position < first - 256 OR e.before < bytes - history_bytes - 1048576));"
    "UPDATE channels SET kept = first WHERE name = OLD.channel AND head > 0 AND"
    " (first - kept >= 64 OR (first - kept) * (bytes / head) >= 1048576); END;";

#define INSERT_EVENTS \
    "INSERT INTO events (place, time, event, id, key, dedupe, meta, before) VALUES "
#define EVENT_VALUES "(?, ?, ?, ?, ?, ?, ?, ?)"
#define FOUR_EVENTS  EVENT_VALUES ", " EVENT_VALUES ", " EVENT_VALUES ", " EVENT_VALUES

static const char *const texts[STATEMENTS] = {
    [BEGIN_READ] = "BEGIN",
    [BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [FIND_CHANNEL] = "SELECT id, epoch, head, first, kept, bytes, time, left_id FROM channels"
                     " WHERE name = ?1",
    [ADD_CHANNEL] = "INSERT OR IGNORE INTO channels (name, epoch)"
                    " VALUES (?1, lower(hex(randomblob(8))))",
    [SET_BOUNDS] = "UPDATE channels SET history = ?2, history_bytes = ?3, max_age = ?4"
                   " WHERE name = ?1 AND (history, history_bytes, max_age) IS NOT (?2, ?3, ?4)",
    [SAVE_CHANNEL] = "UPDATE channels SET head = ?2, first = ?3, kept = ?4, bytes = ?5, time = ?6,"
                     " left_id = ?7 WHERE id = ?1",
    [ADD_EVENT] = INSERT_EVENTS EVENT_VALUES,
    [ADD_EVENTS] = INSERT_EVENTS FOUR_EVENTS ", " FOUR_EVENTS,
    [FIND_ID] = "SELECT position FROM events WHERE channel = ?1 AND id = ?2 AND place >= ?3"
                " ORDER BY place DESC LIMIT 1",
    [FIND_DEDUPE] = "SELECT position, time, event, id, key, dedupe, meta FROM events"
                    " WHERE channel = ?1 AND dedupe = ?2 AND place >= ?3"
                    " ORDER BY place DESC LIMIT 1",
    [READ_EVENTS] = "SELECT position, time, event, id, key, dedupe, meta FROM events"
                    " WHERE place > ?1 AND place <= ?2 ORDER BY place LIMIT ?3",
    [READ_PLACES] = "SELECT position, time, before, id FROM events"
                    " WHERE place >= ?1 AND place <= ?2 ORDER BY place",
    [DROP_EVENTS] = "DELETE FROM events WHERE place >= ?1 AND place < ?2 AND"
                    " (place < ?3 OR before < ?4)",
    [DATA_VERSION] = "PRAGMA data_version",
    [ADD_PEER] = "INSERT INTO peers (path, pid) VALUES (?1, ?2)",
    [READ_PEERS] = "SELECT path FROM peers WHERE path IS NOT ?1",
    [FIND_PEER] = "SELECT 1 FROM peers WHERE path = ?1",
    [DROP_PEER] = "DELETE FROM peers WHERE path = ?1",
    [SET_PRESENCE] = "INSERT INTO presence (peer, log, channel, followers) VALUES (?1, ?2, ?3, ?4)"
                     " ON CONFLICT DO UPDATE SET followers = excluded.followers",
    [DROP_PRESENCE] = "DELETE FROM presence WHERE peer = ?1 AND log = ?2",
    [LAST_COUNTED] = "SELECT max(counted) FROM channels",
    [READ_COUNT] = "SELECT followers FROM channels WHERE id = ?1",
    [READ_COUNTED] = "SELECT id, followers, counted FROM channels WHERE counted > ?1"
                     " ORDER BY counted",
};

/* --- errors ----------------------------------------------------------------------------------- */

static const char *fail(char message[MESSAGE_BYTES], const char *code, const char *what)
{
    snprintf(message, MESSAGE_BYTES, "%s", what);
    return code;
}

const char *database_failure(const database *d, int rc, char message[MESSAGE_BYTES])
{
    const char *what = d->db ? sqlite3_errmsg(d->db) : sqlite3_errstr(rc);

    switch (rc & 0xff) {
    case SQLITE_FULL:
        return fail(message, "ENOSPC", what);
    case SQLITE_READONLY:
        return fail(message, "EROFS", what);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return fail(message, "ECORRUPT", what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fail(message, "EBUSY", what);
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return fail(message, "EACCES", what);
    case SQLITE_NOMEM:
        return fail(message, "ENOMEM", what);
    default:
        return fail(message, "ESYS", what);
    }
}

/* --- opening ---------------------------------------------------------------------------------- */

static int on_wal(void *arg, sqlite3 *db, const char *name, int pages)
{
    (void)db;
    (void)name;
    ((database *)arg)->wal_pages = pages;
    return SQLITE_OK;
}

/* The number that a pragma gives; -1: it failed, with *rc. */
static int64_t number_of(sqlite3 *db, const char *sql, int *rc)
{
    sqlite3_stmt *s = NULL;
    int64_t number = -1;

    *rc = sqlite3_prepare_v2(db, sql, -1, &s, NULL);
    if (*rc == SQLITE_OK) {
        *rc = sqlite3_step(s);
        if (*rc == SQLITE_ROW) {
            number = sqlite3_column_int64(s, 0);
            *rc = SQLITE_OK;
        }
    }
    sqlite3_finalize(s);
    return number;
}

static int set_up(database *d, const database_options *o)
{
    char sql[256];
    int rc = SQLITE_OK;

    sqlite3_extended_result_codes(d->db, 1);
    sqlite3_busy_timeout(d->db, o->busy_timeout);
    sqlite3_db_config(d->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL); /* others may have the file */
    snprintf(sql, sizeof sql,
             "PRAGMA synchronous = %d; PRAGMA cache_size = %lld; PRAGMA temp_store = MEMORY;"
             "PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = " WAL_SIZE_LIMIT,
             o->sync, -(long long)(o->page_cache / 1024));
    rc = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
    sqlite3_wal_autocheckpoint(d->db, 0);
    sqlite3_wal_hook(d->db, on_wal, d);
    return rc;
}

/* The file is a store: from now on its changes go to a log beside it first. */
static const char *use_wal(database *d, char message[MESSAGE_BYTES])
{
    sqlite3_stmt *s = NULL;
    bool is_wal = false;
    int rc = sqlite3_prepare_v2(d->db, "PRAGMA journal_mode = WAL", -1, &s, NULL);

    if (rc == SQLITE_OK) {
        rc = sqlite3_step(s);
        is_wal = rc == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "wal") == 0;
    }
    sqlite3_finalize(s);
    if (is_wal)
        return NULL;
    if (rc != SQLITE_ROW)
        return database_failure(d, rc, message);
    return fail(message, "ESYS", "the file system is none for SQLite's write-ahead log");
}

/* Makes the tables of a new file, unless another process has done so just now. */
static int make_tables(database *d)
{
    char sql[128];
    int rc = sqlite3_exec(d->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    if (rc != SQLITE_OK)
        return rc;
    if (number_of(d->db, "PRAGMA user_version", &rc) == 0 && rc == SQLITE_OK) {
        snprintf(sql, sizeof sql, "PRAGMA user_version = %d; PRAGMA application_id = %d;", VERSION,
                 APPLICATION);
        rc = sqlite3_exec(d->db, schema, NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(d->db, presence, NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(d->db, inbox, NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(d->db, trimming, NULL, NULL, NULL);
        if (rc == SQLITE_OK)
            rc = sqlite3_exec(d->db, sql, NULL, NULL, NULL);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(d->db, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK)
        sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

/* Whether the file is a store of a version that is known: NULL, or the code of what is wrong. */
static const char *check_version(database *d, char message[MESSAGE_BYTES])
{
    int rc = SQLITE_OK;
    int64_t version = number_of(d->db, "PRAGMA user_version", &rc), application = 0, tables = 0;

    if (rc == SQLITE_OK)
        application = number_of(d->db, "PRAGMA application_id", &rc);
    if (rc == SQLITE_OK)
        tables = number_of(d->db, "SELECT count(*) FROM sqlite_schema", &rc);
    if (rc == SQLITE_OK && version == 0 && tables == 0) {
        rc = make_tables(d);
        if (rc == SQLITE_OK)
            return NULL;
    }
    if (rc != SQLITE_OK)
        return database_failure(d, rc, message);
    if (application != APPLICATION)
        return fail(message, "EINVAL", "the file is another program's database");
    if (version > VERSION) {
        snprintf(message, MESSAGE_BYTES,
                 "the file has version %lld, and this library knows up to %d: a newer one made it",
                 (long long)version, VERSION);
        return "EVERSION";
    }
    return NULL;
}

const char *database_open(database *d, const database_options *options, char message[MESSAGE_BYTES])
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    struct stat about;
    const char *code = NULL;
    int rc = SQLITE_OK;

    *d = (database){ 0 };
    if (stat(options->path, &about) == 0 && S_ISDIR(about.st_mode))
        return fail(message, "EISDIR", "the path is a folder");
    rc = sqlite3_open_v2(options->path, &d->db, flags, NULL);
    if (rc == SQLITE_OK)
        rc = set_up(d, options);
    code = rc == SQLITE_OK ? check_version(d, message) : database_failure(d, rc, message);
    if (!code)
        code = use_wal(d, message);
    if (code)
        database_close(d);
    return code;
}

void database_close(database *d)
{
    for (int i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(d->statements[i]);
    sqlite3_close(d->db);
    *d = (database){ 0 };
}

/* --- statements ------------------------------------------------------------------------------- */

sqlite3_stmt *database_prepare(database *d, statement s)
{
    if (!d->statements[s] && sqlite3_prepare_v3(d->db, texts[s], -1, SQLITE_PREPARE_PERSISTENT,
                                                &d->statements[s], NULL) != SQLITE_OK)
        return NULL;
    return d->statements[s];
}

sqlite3_stmt *database_get(database *d, statement s)
{
    sqlite3_stmt *st = database_prepare(d, s);

    if (st) {
        sqlite3_reset(st);
        sqlite3_clear_bindings(st);
    }
    return st;
}

int database_run(database *d, statement s)
{
    sqlite3_stmt *st = database_get(d, s);
    int rc = st ? sqlite3_step(st) : sqlite3_errcode(d->db);

    if (st)
        sqlite3_reset(st);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}
