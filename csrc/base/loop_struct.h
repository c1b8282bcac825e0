/* loop_struct.h: the struct of the loop, for loop.c and deferred.c. */
#ifndef SSE_BASE_LOOP_STRUCT_H
#define SSE_BASE_LOOP_STRUCT_H

#include <signal.h>

#include "interrupt.h"
#include "loop.h"
#include "process.h"

/* How far the loop is with timers that are due: see run_timers. */
typedef enum sse_catching_up {
    SSE_CAUGHT_UP, /* no timer waits for what has arrived */
    SSE_READING,   /* what has arrived is being read */
    SSE_SERVING,   /* and what that has deferred runs */
    SSE_CALLING,   /* the timers are called */
} sse_catching_up;

struct sse_loop {
    struct event_base *base;
    sse_deferred_queue calls;   /* deferred by sse_loop_defer */
    sse_deferred_queue work;    /* deferred by sse_loop_defer_work */
    sse_timer *due, **due_tail; /* timers whose time has come, oldest first */
    sse_timer due_mark;     /* among them: those before it are called after the catching up that is
                               under way */
    sse_catching_up catching_up;
    uint64_t catching_since;    /* ms: when the catching up began */
    size_t unread;              /* while it reads: sockets at most that may have something unread */
    sse_deferred served;        /* ends SSE_SERVING: what was deferred before it has run */
    uint64_t seen;              /* ms: what had arrived by then has been read */
    struct event probe;         /* counts the events that a poll has found */
    size_t polled;              /* their number; SIZE_MAX: not known */
    uint64_t poll_began;        /* us: when a poll that does not wait began; 0: it waits */
    bool poll_cut;              /* the last poll ended before all that it found was served */
    bool calls_are_late; /* the last turn had no time for deferred calls */
    size_t refs;
    uint64_t turns;
    uint64_t slice_start; /* us: when the present part of the turn began; 0: it begins at the next
                             question of sse_loop_slice_over */
    size_t entered;       /* by sse_loop_enter, not left yet */
    sse_hash_seed seed;
    sse_process_entry process_entry;
    sse_fork_handler *fork_handlers;
    sse_interrupt interrupt; /* listed while the loop runs */
    bool (*on_interrupt)(void *arg, bool own_thread);
    void *on_interrupt_arg;
    int wake[2];                       /* a pipe: on_interrupt's caller writes to it */
    struct event wake_event;           /* it can be read */
    volatile sig_atomic_t stopping;    /* the loop is to return: stopped or interrupted */
    volatile sig_atomic_t interrupted; /* until sse_loop_take_interrupt */
    unsigned sigint_watches;           /* sse_signals of SIGINT */
    bool running, stopped;
    bool unusable; /* in a forked child that can't use it */
};

#endif
