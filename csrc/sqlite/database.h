/* database.h: the file: opening it, its schema, its statements, and what its errors are called. */
#ifndef SSE_SQLITE_DATABASE_H
#define SSE_SQLITE_DATABASE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_BYTES 256

typedef struct database_options {
    char *path;
    int sync;           /* of PRAGMA synchronous: 0 off, 1 normal, 2 full */
    int busy_timeout;   /* ms to wait for other processes' transactions */
    int64_t page_cache; /* bytes */
} database_options;

typedef enum statement {
    BEGIN_READ,
    BEGIN_WRITE,
    COMMIT,
    ROLLBACK,
    FIND_CHANNEL,
    ADD_CHANNEL,
    SET_BOUNDS,
    SAVE_CHANNEL,
    ADD_EVENT,
    ADD_EVENTS, /* LOG_RUN of them */
    FIND_ID,
    FIND_DEDUPE,
    READ_EVENTS,
    READ_PLACES,
    DROP_EVENTS,
    DATA_VERSION,
    ADD_PEER,
    READ_PEERS,
    FIND_PEER,
    DROP_PEER,
    SET_PRESENCE,
    DROP_PRESENCE,
    LAST_COUNTED,
    READ_COUNT,
    READ_COUNTED,
    STATEMENTS,
} statement;

typedef struct database {
    sqlite3 *db; /* NULL: not open */
    sqlite3_stmt *statements[STATEMENTS];
    int wal_pages; /* after the last commit */
} database;

/* Opens the file, and makes it and its tables where there are none. Returns NULL, or the code of
 * what is wrong; the message says what. */
const char *database_open(database *d, const database_options *options,
                          char message[MESSAGE_BYTES]);

void database_close(database *d);

/* The statement as its last user left it. NULL: as below. */
sqlite3_stmt *database_prepare(database *d, statement s);

/* The statement, reset and without values. NULL: out of memory, or the schema was changed. */
sqlite3_stmt *database_get(database *d, statement s);

/* Runs a statement that gives no rows: SQLITE_OK, or what failed. */
int database_run(database *d, statement s);

/* The code of a failure, for programs: "ENOSPC", "EROFS" ... The message is SQLite's own. */
const char *database_failure(const database *d, int rc, char message[MESSAGE_BYTES]);

#endif
