/* floor: the least that rows in an SQLite file cost a program in C: one thread, one prepared INSERT
 * into the table that takes them fastest, `rows` a transaction, a write-ahead log with SQLite's own
 * checkpoints.
 * usage: store_floor FILE off|normal|full ROWS BYTES SECONDS
 * prints rows a second, and microseconds of CPU a row */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double seconds(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu(void)
{
    struct rusage u = { 0 };

    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void check(sqlite3 *db, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
        return;
    fprintf(stderr, "store_floor: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void run(sqlite3 *db, const char *sql)
{
    check(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static sqlite3 *open_file(const char *path, const char *sync)
{
    sqlite3 *db = NULL;
    char sql[64];

    check(db, sqlite3_open(path, &db));
    snprintf(sql, sizeof sql, "PRAGMA synchronous = %s", sync);
    run(db, "PRAGMA journal_mode = WAL");
    run(db, sql);
    run(db, "CREATE TABLE events (position INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
            " event TEXT NOT NULL)");
    return db;
}

static void step(sqlite3 *db, sqlite3_stmt *s)
{
    check(db, sqlite3_step(s));
    check(db, sqlite3_reset(s));
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;

    check(db, sqlite3_prepare_v2(db, sql, -1, &s, NULL));
    return s;
}

int main(int argc, char **argv)
{
    int rows = argc == 6 ? atoi(argv[3]) : 0, bytes = argc == 6 ? atoi(argv[4]) : 0;
    double within = argc == 6 ? atof(argv[5]) : 0, began = 0, used = 0, took = 0;
    char *event = malloc((size_t)bytes + 1);
    sqlite3_int64 position = 0;
    sqlite3 *db = NULL;
    sqlite3_stmt *begin, *insert, *commit;

    if (rows < 1 || bytes < 1 || !event) {
        fprintf(stderr, "usage: store_floor FILE off|normal|full ROWS BYTES SECONDS\n");
        return 1;
    }
    memset(event, 'x', (size_t)bytes);
    db = open_file(argv[1], argv[2]);
    begin = prepare(db, "BEGIN IMMEDIATE");
    insert = prepare(db, "INSERT INTO events VALUES (?1, ?2, ?3)");
    commit = prepare(db, "COMMIT");
    began = seconds();
    used = cpu();
    while (took < within) {
        step(db, begin);
        for (int i = 0; i < rows; i++) {
            sqlite3_bind_int64(insert, 1, ++position);
            sqlite3_bind_int64(insert, 2, (sqlite3_int64)time(NULL) * 1000);
            sqlite3_bind_text(insert, 3, event, bytes, SQLITE_STATIC);
            step(db, insert);
        }
        step(db, commit);
        took = seconds() - began;
    }
    printf("%.1f %.3f\n", (double)position / took, (cpu() - used) * 1e6 / (double)position);
    sqlite3_finalize(begin);
    sqlite3_finalize(insert);
    sqlite3_finalize(commit);
    sqlite3_close(db);
    free(event);
    return 0;
}
