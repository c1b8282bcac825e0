/* log.h: one channel's log in the file. The functions are called within a transaction; they return
 * SQLITE_OK or what failed, after which the transaction is to be rolled back. */
#ifndef SSE_SQLITE_LOG_H
#define SSE_SQLITE_LOG_H

#include "database.h"
#include "job.h"

/* How many followers the log's channel has: see presence.h. */
typedef struct log_presence {
    int64_t followers; /* of this process */
    int64_t written;   /* of these, what the file has */
    int64_t channel;   /* the row in `channels`; 0: not known */
    int64_t total;     /* of all processes, as read last; -1: not read */
    int64_t told;      /* of the others, as told last; -1: not told */
    bool wanted;       /* somebody wants to be told */
    bool is_left;      /* `written` is what the log that had this number before has in the file */
} log_presence;

typedef struct log {
    char *name;                              /* NULL: the log is closed */
    int64_t history, history_bytes, max_age; /* bounds; ms, 0: none */
    bool watched;
    bool shared;         /* another object stands for the same log */
    int64_t seen;        /* the position up to which its watcher has been told of events */
    char seen_epoch[17]; /* of that position */
    log_presence presence;

    uint64_t loaded; /* the number of the transaction in which what follows was read; 0: none */
    bool dirty;      /* it has to be saved before the transaction is committed */
    int64_t id;      /* of the row in `channels` */
    char epoch[17];
    int64_t head, first, kept;   /* first: of the history. kept: what `first` was when rows were
                                    dropped last */
    int64_t bytes, time;         /* bytes of all events, ever; time of the newest one */
    int64_t oldest, oldest_time; /* of the event at `first`: the bytes of all events before it, and
                                    its time. oldest -1: not known */
    char *left_id;               /* the own id of the event before `first`, or NULL */
    size_t left_id_len;
} log;

/* Reads what the file has of the log, unless that was done in this transaction; adds the channel
 * where it is not there, which needs a transaction that writes. */
int log_load(database *d, log *l, uint64_t transaction);

/* Writes the bounds into the file, for people who look there. */
int log_save_bounds(database *d, const log *l);

/* Adds the event of a JOB_APPEND. What is over the bounds then is dropped by log_save, once for all
 * that a transaction adds, or before something is looked for. */
int log_append(database *d, log *l, job *j, int64_t now);

#define LOG_RUN \
    8 /* events that one statement adds, at a fifth less a row than one that adds one \
       */

/* Whether the jobs begin with LOG_RUN appends to one log for which nothing is to be looked for. */
bool log_is_run(const job *first, size_t count);

/* Adds the events of such jobs. */
int log_append_run(database *d, log *l, job *first, int64_t now);

/* Answers a JOB_READ. */
int log_read(database *d, log *l, job *j, int64_t now);

/* Adds the rows to j that the log's watcher has not been told of, up to a number of bytes. *more:
 * there are others. */
int log_news(database *d, log *l, job *j, bool *more);

/* Drops what is over the bounds, and writes the log's row, if it has changed. */
int log_save(database *d, log *l, int64_t now);

void log_free(log *l);

#endif
