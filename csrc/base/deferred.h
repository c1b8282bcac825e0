/* deferred.h: calls deferred to the end of a turn of the loop, in three queues, and the time that
 * they have in a turn. */
#ifndef SSE_BASE_DEFERRED_H
#define SSE_BASE_DEFERRED_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sse_loop sse_loop;

/* A call at the end of the current turn, or of the next one when deferred outside of a turn. What a
 * deferred call defers runs a turn later. It is queued at most once, and keeps the loop running
 * while queued. Embedded in its owner, which must undefer it before it is freed. */
typedef struct sse_deferred {
    struct sse_deferred *next, **link; /* link NULL: not queued */
    void (*call)(void *arg);
    void *arg;
} sse_deferred;

/* Calls that are due, oldest first. */
typedef struct sse_deferred_queue {
    sse_deferred *head, **tail;
    sse_deferred mark; /* while the queue runs: what is queued behind it waits for the next turn */
} sse_deferred_queue;

/* The first member of a loop. */
typedef struct sse_deferrals {
    sse_deferred_queue first; /* deferred by sse_loop_defer_first */
    sse_deferred_queue calls; /* deferred by sse_loop_defer */
    sse_deferred_queue work;  /* deferred by sse_loop_defer_work */
    size_t refs;              /* of the loop: one for each call that is queued, and others */
    uint64_t slice_start; /* us: when the present part of the turn began; 0: it begins at the next
                             question of sse_loop_slice_over */
    uint64_t slice_us;    /* that a part of this turn has */
    volatile sig_atomic_t stopping; /* the loop is to return: stopped or interrupted */
} sse_deferrals;

void sse_deferred_init(sse_deferred *d, void (*call)(void *arg), void *arg);

/* Defers a call that comes before any other timer, deferred call or socket, whatever the time: the
 * start of a task, which its program takes to have begun after the next wait. */
void sse_loop_defer_first(sse_loop *loop, sse_deferred *d);

/* Defers a call that others wait for: what has arrived, the ends of a server's turn. */
void sse_loop_defer(sse_loop *loop, sse_deferred *d);

/* Defers a call that is one of many, or that has much to do: a channel's round. Such calls have a
 * time of their own in each turn, after the others. */
void sse_loop_defer_work(sse_loop *loop, sse_deferred *d);

void sse_loop_undefer(sse_loop *loop, sse_deferred *d);

/* Whether any reference keeps the loop running, or would where it does not run now. */
bool sse_loop_kept(sse_loop *loop);

/* A reference keeps the loop running. Each ref wants one unref. */
void sse_loop_ref(sse_loop *loop);
void sse_loop_unref(sse_loop *loop);

/* --- slices --- */

/* What is called in a turn comes in three parts: what the poll has found, deferred calls, and
 * deferred work. Each ends after this time; what is left of a part goes first in the next turn. */
#define SSE_LOOP_SLICE_US  1500
#define SSE_SHORT_SLICE_US 400 /* in a turn whose poll took long */

/* For calls with much to do: whether this part of the turn has taken its time. Then defer what is
 * left, so that accepts, timers and other sockets are served. */
bool sse_loop_slice_over(sse_loop *loop, uint64_t now_us);

/* Begins a part of the turn: now, or at the next question of sse_loop_slice_over. */
void sse_slice_begin(sse_loop *loop);
void sse_slice_begin_later(sse_loop *loop);

/* For the loop: prepares its empty queues; drops what is queued. */
void sse_deferred_queues_init(sse_loop *loop);
void sse_deferred_queues_clear(sse_loop *loop);

/* For the loop: runs the calls of a queue that were queued before, oldest first, until the slice is
 * over or the loop is stopped: at least one. */
void sse_deferred_run(sse_loop *loop, sse_deferred_queue *queue);

/* For the loop: runs all calls of sse_loop_defer_first that were queued before, whatever time it
 * takes. */
void sse_deferred_run_first(sse_loop *loop);

#endif
