/* loop.h: one event loop: an event_base, timers, signals, calls put off to the end of the turn, and
 * the count of what keeps it running. One thread. All times are milliseconds of a monotonic clock.
 */
#ifndef SSE_BASE_LOOP_H
#define SSE_BASE_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#include "../wire/error.h"
#include "../wire/hash.h"

typedef struct sse_loop sse_loop;

int sse_loop_new(sse_loop **out);
void sse_loop_free(sse_loop *loop); /* everything that lives on it must be gone */

struct event_base *sse_loop_base(sse_loop *loop);

/* Random, the same for as long as the loop lives: for hashes of what clients choose. */
const sse_hash_seed *sse_loop_seed(const sse_loop *loop);

/* Turns until nothing keeps it or sse_loop_stop. SSE_EBUSY when it is running already (libevent
 * forbids nesting), SSE_ESTATE in a forked child where it can't go on, SSE_ESYS. */
int sse_loop_run(sse_loop *loop);

/* One turn: waits until something happens, serves it and the deferred calls. *kept (out): something
 * keeps the loop running; where nothing does, it returns at once. Errors as above. */
int sse_loop_turn(sse_loop *loop, bool *kept);

/* Ends run or turn after the callback at hand. Harmless on a loop that doesn't run. */
void sse_loop_stop(sse_loop *loop);

bool sse_loop_running(const sse_loop *loop);

/* How many events libevent holds for this loop: descriptors it watches, timers that run, signals.
 * Steady where nothing is left behind. */
int sse_loop_events(const sse_loop *loop);

/* From enter to leave, which nest, run and turn are refused as within a callback of the loop: for
 * those that come outside of one too. */
void sse_loop_enter(sse_loop *loop);
void sse_loop_leave(sse_loop *loop);

/* What keeps the loop running: one keep for each, released once. */
void sse_loop_ref(sse_loop *loop);
void sse_loop_unref(sse_loop *loop);

/* Turns begun so far: tells whether two moments lie in the same one. */
uint64_t sse_loop_turns(const sse_loop *loop);

uint64_t sse_loop_now(const sse_loop *loop);
uint64_t sse_loop_now_us(const sse_loop *loop); /* the same clock in microseconds */

/* A forked child's loop is its own from the beginning: it waits for the same, but what it begins or
 * ends does not touch the parent's. Sockets that only one process can use are the parent's: in the
 * child call(arg, dead) comes before fork returns, and gives each to sse_replace_socket. Embedded
 * in its owner. */
typedef struct sse_fork_handler {
    struct sse_fork_handler *next, **link;
    void (*call)(void *arg, int dead);
    void *arg;
} sse_fork_handler;

void sse_loop_add_fork_handler(sse_loop *loop, sse_fork_handler *f,
                               void (*call)(void *arg, int dead), void *arg);
void sse_loop_remove_fork_handler(sse_fork_handler *f); /* harmless where it is all zeros */

/* A call at the end of this turn (or of the next, when made outside of one). Embedded in its owner;
 * queued at most once; cancelled by its owner's death. Calls deferred by a deferred call run a turn
 * later. Keeps the loop running while queued. */
typedef struct sse_deferred {
    struct sse_deferred *next, **link; /* link NULL: not queued */
    void (*call)(void *arg);
    void *arg;
} sse_deferred;

void sse_deferred_init(sse_deferred *d, void (*call)(void *arg), void *arg);
void sse_loop_defer(sse_loop *loop, sse_deferred *d);
void sse_loop_undefer(sse_loop *loop, sse_deferred *d);

/* For deferred calls with much to do: they have had SSE_LOOP_SLICE_US together in this turn; defer
 * what is left, so that accepts, timers and others are served. */
#define SSE_LOOP_SLICE_US 3000
bool sse_loop_slice_over(const sse_loop *loop, uint64_t now_us);

/* A timer of its own; for thousands of coarse deadlines use wheel.h. Does not keep the loop by
 * itself. */
typedef struct sse_timer {
    struct event event;
    void (*call)(void *arg);
    void *arg;
} sse_timer;

void sse_timer_init(sse_timer *t, sse_loop *loop, void (*call)(void *arg), void *arg);
int sse_timer_start(sse_timer *t, uint64_t ms, bool repeat); /* starts again where it runs already
                                                              */
void sse_timer_stop(sse_timer *t);                           /* harmless on a stopped one */

/* A signal by number; keeps nothing running. */
typedef struct sse_signal {
    struct event event;
    sse_loop *loop;
    void (*call)(void *arg);
    void *arg;
} sse_signal;

/* SSE_EBUSY: another loop of the process watches signals, and only one can; SSE_ESYS. */
int sse_signal_start(sse_signal *s, sse_loop *loop, int number, void (*call)(void *arg), void *arg);
void sse_signal_stop(sse_signal *s);

#endif
