/* job.h: what the loop's thread asks of the store's thread, and what comes back: the same object
 * goes there and back. */
#ifndef SSE_SQLITE_JOB_H
#define SSE_SQLITE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../wire/direct.h"

typedef enum job_kind {
    JOB_OPEN,      /* a log: text[TEXT_NAME], bounds */
    JOB_APPEND,    /* the texts of a record */
    JOB_READ,      /* after or text[TEXT_ID], limit */
    JOB_WATCH,     /* `on` */
    JOB_CLOSE,     /* a log */
    JOB_FOLLOWERS, /* how many followers the process has: `limit` */
    JOB_COUNT,     /* `on`: the number of the others' is wanted */
    JOB_QUIT,      /* the store is closed */
    JOB_NEWS,   /* only comes: rows of a log that is watched; without any, it is to be read again */
    JOB_OTHERS, /* only comes: how many followers the others have: `limit` */
    JOB_STATE,  /* only comes: whether the file can be used */
} job_kind;

/* The texts of an event, in a job and in a row. */
enum {
    TEXT_EVENT = SSE_DIRECT_EVENT,
    TEXT_ID = SSE_DIRECT_ID,
    TEXT_KEY = SSE_DIRECT_KEY,
    TEXT_DEDUPE = SSE_DIRECT_DEDUPE,
    TEXT_META = SSE_DIRECT_META,
    TEXTS = SSE_DIRECT_TEXTS,
    TEXT_NAME = TEXT_EVENT
};

typedef sse_slice text; /* absent where `at` is NULL */

typedef struct row {
    int64_t position, time;
    text text[TEXTS]; /* point behind the row */
    struct row *next;
} row;

typedef struct row_block row_block; /* memory of many rows */

typedef struct job {
    struct job *next;
    job_kind kind;
    bool on;
    int log; /* number of the log */
    int64_t ticket;
    int64_t after; /* JOB_READ; less than 0: the event whose own id is text[TEXT_ID] */
    int64_t limit;
    int64_t history, history_bytes, max_age; /* JOB_OPEN; max_age 0: no bound */
    text text[TEXTS];                        /* point behind the job */
    size_t bytes;                            /* of the texts */
    size_t room;                             /* for texts, behind the job */
    sse_direct_wait *wait; /* of a JOB_APPEND that a channel in C waits for; NULL: it has a ticket
                            */
    sse_direct_log *direct;

    /* what comes back */
    const char *code;              /* NULL: done */
    int64_t position, first, head; /* position: of an append, or of the event after which was read;
                                      0: no event has that id */
    char epoch[17];
    bool held;         /* an append added nothing: the first of the rows has its `dedupe` */
    row *rows, **last; /* in order */
    row_block *blocks; /* that hold the rows, newest first */
    size_t row_bytes;
    char message[256]; /* of a failure. The last member: job_new does not clear it */
} job;

/* Makes a job with copies of the texts. texts may be NULL. NULL: out of memory. */
job *job_new(job_kind kind, int log, const text texts[TEXTS]);

/* Adds a row with copies of the texts; false: out of memory. */
bool job_add_row(job *j, int64_t position, int64_t time, const text texts[TEXTS]);

/* The same in the memory of a job that is done with, if the texts fit there; else that is freed. */
job *job_renew(job *old, job_kind kind, int log, const text texts[TEXTS]);

void job_drop_rows(job *j);
void job_free(job *j);

#endif
