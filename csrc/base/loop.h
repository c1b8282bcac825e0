/* loop.h: one event loop: libevent's event_base, timers, signals, calls deferred to the end of a
 * turn, and a count of references that keeps the loop running. One thread. All times are
 * milliseconds of a monotonic clock. */
#ifndef SSE_BASE_LOOP_H
#define SSE_BASE_LOOP_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stdint.h>

#include "../wire/error.h"
#include "../wire/hash.h"
#include "deferred.h"
#include "due.h"
#include "unserved.h"

/* SSE_ENOMEM; SSE_ESYS: no randomness, or libevent can't make a base. */
int sse_loop_new(sse_loop **out);

/* Everything that lives on the loop must have been stopped or freed. NULL is allowed. */
void sse_loop_free(sse_loop *loop);

struct event_base *sse_loop_base(sse_loop *loop);

/* A random seed, the same for as long as the loop lives: for hashes of what clients choose. */
const sse_hash_seed *sse_loop_seed(const sse_loop *loop);

/* --- running --- */

/* Runs turn after turn until no reference is left or sse_loop_stop is called. SSE_EBUSY: the loop
 * is running already (libevent forbids nesting); SSE_ESTATE: it can't be used in this forked child;
 * SSE_ESYS. */
int sse_loop_run(sse_loop *loop);

/* on_interrupt(arg, own_thread) is called when SIGINT has arrived while the loop runs and the
 * program's own handler has run: within the signal handler, in a thread that may be another one
 * than the loop's, and once when the loop begins to run, for a signal that came just before. Where
 * it returns true, sse_loop_run or sse_loop_turn returns soon, also if the loop waits. */
void sse_loop_set_interrupt(sse_loop *loop, bool (*on_interrupt)(void *arg, bool own_thread),
                            void *arg);

/* Whether sse_loop_run or sse_loop_turn has returned for that reason, and would go on when called
 * again. *over (out): it has also been stopped, or no reference is left. False when asked again. */
bool sse_loop_take_interrupt(sse_loop *loop, bool *over);

/* Runs one turn: waits until something happens, calls what it concerns, then the deferred calls.
 * Where timers are due, all that has arrived is served first, and what that deferred; where that
 * takes more than a slice, the timers are called in a later turn. *alive (out): the loop had a
 * reference; without one, nothing is waited for. Errors as above. */
int sse_loop_turn(sse_loop *loop, bool *alive);

/* Ends sse_loop_run or sse_loop_turn after the current callback. Does nothing when the loop does
 * not run. */
void sse_loop_stop(sse_loop *loop);

/* Whether the loop runs, or has been entered. */
bool sse_loop_running(const sse_loop *loop);

/* Between enter and leave, which may nest, sse_loop_run and sse_loop_turn are refused with
 * SSE_EBUSY as within a callback of the loop: for callbacks that are also called from outside. */
void sse_loop_enter(sse_loop *loop);
void sse_loop_leave(sse_loop *loop);

/* Whether something is between enter and leave. */
bool sse_loop_in_callback(const sse_loop *loop);

/* For a callback of libevent's, after its work: ends the poll where that has taken its slice. What
 * the poll has found beside is served in the next turn, before what is found then. */
void sse_loop_end_poll(sse_loop *loop);

/* A queue of what has arrived, which its owner serves in slices: timers that are not punctual wait
 * until what was in it is served, and what that deferred has run. */
void sse_loop_add_unserved(sse_loop *loop, sse_unserved *u);

/* Whether references keep the loop running, all of them made since it last ran, or it never did. */
bool sse_loop_is_unrun(const sse_loop *loop);

/* What keeps the loop running counts from here on as left by its last run: sse_loop_is_unrun says
 * no until the loop runs again. */
void sse_loop_keep_left(sse_loop *loop);

/* How many events libevent holds for the loop: watched descriptors, timers that run, signals. The
 * number returns to where it was when nothing is left behind. */
int sse_loop_events(const sse_loop *loop);

/* The number of turns begun so far: two moments with the same number lie in the same turn. */
uint64_t sse_loop_turns(const sse_loop *loop);

uint64_t sse_loop_now(const sse_loop *loop);

/* For a timer's call that judges by what has arrived: the time up to which the loop has read it. A
 * process that is stopped in between finds `now` far ahead of it. */
uint64_t sse_loop_seen(const sse_loop *loop);
uint64_t sse_loop_now_us(const sse_loop *loop); /* the same clock in microseconds */

/* --- fork --- */

/* In a forked child a loop goes on with what it waits for, apart from the parent's. Sockets that
 * only one process can use stay the parent's: call(arg, closed_fd) is called in the child before
 * fork returns, and gives each of them to sse_replace_socket. Embedded in its owner. */
typedef struct sse_fork_handler {
    struct sse_fork_handler *next, **link;
    void (*call)(void *arg, int closed_fd);
    void *arg;
} sse_fork_handler;

void sse_loop_add_fork_handler(sse_loop *loop, sse_fork_handler *f,
                               void (*call)(void *arg, int closed_fd), void *arg);

/* Does nothing for a handler that is all zeros or was removed before. */
void sse_loop_remove_fork_handler(sse_fork_handler *f);

/* --- timers and signals --- */

/* A timer is an sse_timer of due.h, embedded in its owner. It does not keep the loop running. */
void sse_timer_init(sse_timer *t, sse_loop *loop, void (*call)(void *arg), void *arg);

/* Starts the timer, again where it runs already. SSE_ENOMEM. */
int sse_timer_start(sse_timer *t, uint64_t ms, bool repeat);

/* Does nothing for a stopped timer. */
void sse_timer_stop(sse_timer *t);

/* A signal by its number. Does not keep the loop running. Embedded in its owner. */
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
