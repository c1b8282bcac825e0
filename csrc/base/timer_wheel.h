/* timer_wheel.h: thousands of coarse deadlines on one libevent timer. Setting and cancelling cost
 * O(1). A deadline fires up to SSE_TIMER_WHEEL_TICK ms late, never early; many that are over at one
 * time are called in slices. Does not keep the loop running. */
#ifndef SSE_BASE_TIMER_WHEEL_H
#define SSE_BASE_TIMER_WHEEL_H

#include "loop.h"

#define SSE_TIMER_WHEEL_TICK  16   /* ms */
#define SSE_TIMER_WHEEL_SLOTS 1024 /* a round takes 16 s; later deadlines wait for more rounds */
#define SSE_TIMER_WHEEL_LATE  100  /* ms: a timer that is later means that the process slept */
#define SSE_TIMER_WHEEL_GRACE 2000 /* ms that peers have after that */

/* Embedded in its owner, which `call` finds by SSE_CONTAINER_OF. Begins zeroed: not set. */
typedef struct sse_deadline {
    struct sse_deadline *next, **link; /* link NULL: not set */
    uint64_t due;                      /* ms of sse_loop_now */
    void (*call)(struct sse_deadline *d);
} sse_deadline;

typedef struct sse_timer_wheel {
    sse_loop *loop;
    sse_timer timer;
    uint64_t armed;        /* the tick the timer waits for, 0: none */
    uint64_t tick;         /* the last tick whose deadlines were called */
    size_t count;          /* deadlines that are set */
    uint64_t grace_until;  /* ms: sse_timer_wheel_excuse excuses until then */
    sse_deadline *expired; /* deadlines that are over and were not called yet */
    sse_deadline *slots[SSE_TIMER_WHEEL_SLOTS];
} sse_timer_wheel;

void sse_timer_wheel_init(sse_timer_wheel *w, sse_loop *loop);

/* Stops the timer: no deadline fires any more. */
void sse_timer_wheel_stop(sse_timer_wheel *w);

/* Has d->call called once, `ms` from now, instead of when it was set for before. d->call may set
 * and cancel any deadline. */
void sse_timer_wheel_set(sse_timer_wheel *w, sse_deadline *d, uint64_t ms);

/* Does nothing for a deadline that is not set. */
void sse_timer_wheel_cancel(sse_timer_wheel *w, sse_deadline *d);

/* For the call of a deadline that is about to judge a peer. True: the process has just slept, or
 * was busy for long, and the peer has not had its time: what it sent has been read by now, but it
 * may also have to answer what the server sends only now. The deadline is set again, to the end of
 * SSE_TIMER_WHEEL_GRACE. A server that is late all the time excuses for a tenth of the time. */
bool sse_timer_wheel_excuse(sse_timer_wheel *w, sse_deadline *d);

/* The object of that type whose `member` the pointer points to. */
#define SSE_CONTAINER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
