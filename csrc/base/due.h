/* due.h: timers, and the list of those whose time has come. */
#ifndef SSE_BASE_DUE_H
#define SSE_BASE_DUE_H

#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct sse_loop sse_loop;

/* A libevent timer; for thousands of coarse deadlines use timer_wheel.h. Before it is called, all
 * that has arrived until then is served, so that it may judge a peer by its silence. One that is
 * `punctual` waits for that a slice at most. Does not keep the loop running. Embedded in its owner.
 */
typedef struct sse_timer {
    struct event event;
    sse_loop *loop;
    struct sse_timer *next, **link; /* among the loop's timers that are due; link NULL: it is not */
    uint64_t order;                 /* of its entry there: the oldest has the least */
    void (*call)(void *arg);
    void *arg;
    uint64_t period; /* us, of one that repeats: it starts again once it is called, since libevent
                        would call one of a short period again and again before any socket */
    uint64_t at;     /* us: when one that repeats is due */
    bool punctual;   /* set by its owner after sse_timer_init */
} sse_timer;

/* Timers, oldest first. */
typedef struct sse_due_list {
    sse_timer *head, **tail;
} sse_due_list;

/* Timers that are due. While some wait until all that has arrived is served, the timers before the
 * mark are those that are called then. */
typedef struct sse_due {
    sse_due_list punctual, patient;
    uint64_t entries; /* so far */
    uint64_t mark;    /* an order */
} sse_due;

void sse_due_init(sse_due *due);

bool sse_due_any(const sse_due *due);

/* Adds a timer; does nothing where it is there. */
void sse_due_put(sse_due *due, sse_timer *t);

/* Takes a timer out; does nothing where it is not there. */
void sse_due_take(sse_due *due, sse_timer *t);

/* Puts the mark behind all timers that are there. */
void sse_due_set_mark(sse_due *due);

/* The oldest punctual timer; NULL: there is none. */
sse_timer *sse_due_next_punctual(const sse_due *due);

/* The oldest timer before the mark, of either kind; NULL: there is none. */
sse_timer *sse_due_next(const sse_due *due);

/* Has libevent call the timer's event in `us` microseconds. SSE_ENOMEM. */
int sse_due_await(sse_timer *t, uint64_t us);

/* For a timer that repeats and was taken out: has libevent call it a period after the last time or,
 * where that is over, a period from now on. Without memory for that it is due at once, and not
 * never. */
void sse_due_repeat(sse_due *due, sse_timer *t);

#endif
