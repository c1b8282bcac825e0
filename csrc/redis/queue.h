/* queue.h: the events of a channel's log that wait to be appended, and the runs in which they go.
 * No Lua, no I/O. */
#ifndef SSE_REDIS_QUEUE_H
#define SSE_REDIS_QUEUE_H

#include <sys/types.h>

#include "../wire/direct.h"

#define TEXTS   SSE_DIRECT_TEXTS
#define NO_DONE (-2) /* LUA_NOREF */

/* What all logs on one server share: how much waits, and whether more may. Zeroed at first, but for
 * `most` and `owner`. */
typedef struct tally {
    uint64_t count, bytes; /* of events without a result */
    uint64_t refused;
    uint64_t most; /* events that may wait; UINT64_MAX: any number */
    pid_t owner;
    char message[512], code[16]; /* why none may; "": they may */
    char full[96];               /* the message where there are too many */
} tally;

/* An event without a result. */
typedef struct append {
    struct append *next;
    sse_direct_log *direct; /* who is told, by `wait`; NULL: a function of Lua's */
    sse_direct_wait *wait;
    int tries;            /* how often it was begun to tell that */
    int done;             /* that function's reference */
    int bounds;           /* a number of the log's */
    size_t lens[TEXTS];   /* of the texts */
    bool has[TEXTS];      /* whether there is such a text */
    size_t head_len, len; /* of the head, and of head and texts */
    char bytes[];         /* " LENGTHS\n", the texts: a record without its token */
} append;

typedef struct queue {
    tally *tally;
    append *first, **end;  /* those that wait */
    uint64_t count, bytes; /* of those and of the runs' */
} queue;

typedef struct run {
    queue *queue;
    int count;
    append *list[]; /* NULL: it has its result */
} run;

void queue_init(queue *q, tally *t);
/* Frees what waits. */
void queue_free(queue *q);
/* From now on the events count for another server. */
void queue_move(queue *q, tally *t);
/* Adds an event. Returns NULL, and *failure says why, where that can't be. */
append *queue_add(queue *q, const sse_slice texts[TEXTS], int bounds, sse_direct_result *failure);

/* How many events the next run has: all that wait, up to a number and to as many bytes. */
int queue_run_size(const queue *q, int most, size_t bytes);
/* Moves as many events into a run. */
void queue_take(queue *q, run *r, int count);
/* Has the events of a run behind the first ones wait again, before all others. None of them has
 * its result. */
void queue_give_back(run *r, int count);

/* A text of an event; absent where it has none. */
sse_slice append_text(const append *a, int text);
/* Frees an event of a run. */
void run_drop(run *r, int i);
void run_free(run *r);

#endif
