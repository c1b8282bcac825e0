/* presence.h: how many followers channels have in all processes. Each process writes its own
 * numbers into the file, all that have changed at once and a few times a second, and tells the loop
 * of the sum of the others'. What a dead process has told goes with its name among the peers. */
#ifndef SSE_SQLITE_PRESENCE_H
#define SSE_SQLITE_PRESENCE_H

#include "log.h"
#include "peers.h"
#include "queue.h"

#define PATIENCE_MS 10 /* `patience` at first; doubled after each failure */

typedef struct presence {
    database *d;
    peers *peers;
    queue *out;
    log **logs;
    const int *log_count;
    uint64_t *transaction; /* the worker's number, see log_load */

    bool changed;               /* numbers of this process are to be written */
    bool look;                  /* others' numbers may have changed */
    int64_t counted;            /* the newest change that was read; -1: none was */
    int64_t next_write;         /* ms of a monotonic clock, before which nothing is written */
    int64_t next_read;          /* or read */
    int64_t next_check;         /* or looked for peers that have died */
    int busy_timeout, patience; /* ms: the connection's; for how long a write waits for others */
} presence;

/* The file was opened, or a transaction was rolled back: it is not known what the file has. */
void presence_reset(presence *p);

/* Takes a JOB_FOLLOWERS or a JOB_COUNT. */
void presence_take(presence *p, log_presence *l, const job *j);

/* A log is closed. */
void presence_close(presence *p, const log_presence *l);

/* Whether somebody wants to be told of others' numbers. */
bool presence_is_wanted(const presence *p);

/* How many ms the thread may wait until presence_turn is due; -1: until something happens. */
int presence_wait(const presence *p);

/* Does what is due. Returns NULL, or the code of what failed: it is tried again later. *wrote:
 * others are to be woken. */
const char *presence_turn(presence *p, const char *file, char message[MESSAGE_BYTES], bool *wrote);

/* Nothing is due before a pause has passed: the file can't be used. */
void presence_pause(presence *p);

#endif
