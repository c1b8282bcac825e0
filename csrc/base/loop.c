#include "loop.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>

#include "clock.h"
#include "interrupt.h"
#include "process.h"
#include "random.h"
#include "wake.h"

/* The fewest ready descriptors that a backend of libevent takes from the kernel in one poll, where
 * it does not take all of them (epoll: 32, kqueue: 64, both growing). */
#define MIN_POLLED 32

#define LONG_POLL_US 5000 /* after such a poll the turn's other parts are short */

/* Priorities of libevent's events. Where a poll's slice is over before all that it has found was
 * served, the next poll still learns first which timers are due. */
enum { TIMERS, SOCKETS, PRIORITIES };

/* How far the loop is with timers that are due: see run_timers. */
typedef enum sse_catching_up {
    SSE_CAUGHT_UP, /* no timer waits for what has arrived */
    SSE_READING,   /* what has arrived is being read */
    SSE_SERVING,   /* and served, and what that has deferred */
    SSE_CALLING,   /* the timers are called */
} sse_catching_up;

struct sse_loop {
    sse_deferrals deferred; /* first: see deferred.h */
    struct event_base *base;
    sse_due due;
    sse_catching_up catching_up;
    uint64_t catching_since; /* ms: when the catching up began */
    size_t unread;           /* while it reads: sockets at most that may have something unread */
    sse_deferred served;     /* ends SSE_SERVING: what was deferred before it has run */
    sse_unserved *unserved;
    bool unserved_wait;  /* when `served` was called last */
    uint64_t seen;       /* ms: what had arrived by then has been read */
    struct event probe;  /* counts the events that a poll has found */
    size_t polled;       /* their number; SIZE_MAX: not known, or all were served */
    uint64_t poll_began; /* us: when a poll that does not wait began; 0: it waits */
    bool poll_cut;       /* the last poll ended before all that it found was served */
    bool calls_are_late; /* the last turn had no time for deferred calls */
    uint64_t turns;
    size_t entered; /* by sse_loop_enter, not left yet */
    sse_hash_seed seed;
    sse_process_entry process_entry;
    sse_fork_handler *fork_handlers;
    sse_interrupt interrupt; /* listed while the loop runs */
    bool (*on_interrupt)(void *arg, bool own_thread);
    void *on_interrupt_arg;
    sse_wake wake;                     /* on_interrupt's caller wakes the loop by it */
    volatile sig_atomic_t interrupted; /* until sse_loop_take_interrupt */
    unsigned sigint_watches;           /* sse_signals of SIGINT */
    bool running, stopped;
    bool left_kept; /* references were left by sse_loop_keep_left */
    bool unusable;  /* in a forked child that can't use it */
};

_Static_assert(offsetof(struct sse_loop, deferred) == 0, "deferred.c finds its part at the begin");

/* --- interrupts ------------------------------------------------------------------------------- */

static void on_wake(void *arg)
{
    sse_loop *loop = arg;

    if (loop->interrupted)
        event_base_loopbreak(loop->base);
}

/* For the signals that libevent handles. */
static void hold_interrupt(sse_loop *loop, int number)
{
    if (number != SIGINT)
        return;
    loop->sigint_watches++;
    sse_interrupt_hold();
}

static void release_interrupt(sse_loop *loop, int number)
{
    if (number != SIGINT)
        return;
    loop->sigint_watches--;
    sse_interrupt_release();
}

/* Called within a signal handler. */
static void on_interrupt(void *arg)
{
    sse_loop *loop = arg;
    bool own_thread = pthread_equal(loop->process_entry.thread, pthread_self());

    if (!loop->on_interrupt || !loop->on_interrupt(loop->on_interrupt_arg, own_thread))
        return;
    loop->interrupted = loop->deferred.stopping = 1;
    sse_wake_up(&loop->wake);
}

void sse_loop_set_interrupt(sse_loop *loop, bool (*call)(void *arg, bool own_thread), void *arg)
{
    loop->on_interrupt = call;
    loop->on_interrupt_arg = arg;
}

bool sse_loop_take_interrupt(sse_loop *loop, bool *over)
{
    bool interrupted = loop->interrupted;

    *over = !interrupted || loop->stopped || loop->deferred.refs == 0;
    loop->interrupted = 0;
    return interrupted;
}

/* --- fork ------------------------------------------------------------------------------------- */

void sse_loop_add_fork_handler(sse_loop *loop, sse_fork_handler *f,
                               void (*call)(void *arg, int closed_fd), void *arg)
{
    *f = (sse_fork_handler){
        .next = loop->fork_handlers, .link = &loop->fork_handlers, .call = call, .arg = arg
    };
    if (f->next)
        f->next->link = &f->next;
    loop->fork_handlers = f;
}

void sse_loop_remove_fork_handler(sse_fork_handler *f)
{
    if (!f->link)
        return;
    *f->link = f->next;
    if (f->next)
        f->next->link = f->link;
    f->link = NULL;
}

/* Until event_reinit the child shares the kernel's event queue (epoll, kqueue) with the parent, and
 * events that the child takes are lost for the parent. The fork handlers replace sockets before
 * that, so that the new queue watches the replacements. */
static void on_fork(void *arg, bool own_thread, int closed_fd)
{
    sse_loop *loop = arg;

    sse_loop_keep_left(loop); /* the parent runs what it has made */
    if (!own_thread) {
        sse_interrupt_end(&loop->interrupt);
        loop->unusable = true;
        return;
    }
    for (sse_fork_handler *f = loop->fork_handlers; f; f = f->next)
        f->call(f->arg, closed_fd);
    loop->unusable = loop->unusable || closed_fd < 0 || event_reinit(loop->base) != 0;
    if (loop->unusable)
        return;
    /* Not before: until event_reinit, the parent's epoll would lose the pipe. */
    sse_wake_drop(&loop->wake);
    loop->unusable = sse_wake_make(&loop->wake, loop->base, on_wake, loop) != SSE_OK;
}

/* --- new and free ----------------------------------------------------------------------------- */

/* All that was read has run what it deferred. Where some of it waited in a queue, this is called
 * again once that is served, and once more when what that deferred has run. */
static void on_served(void *arg)
{
    sse_loop *loop = arg;
    bool waited = loop->unserved_wait;

    loop->unserved_wait = sse_unserved_waits(loop->unserved);
    if (waited || loop->unserved_wait) {
        sse_loop_defer(loop, &loop->served);
        return;
    }
    loop->seen = loop->catching_since;
    loop->catching_up = SSE_CALLING;
}

/* What the last probe counted was served. The kernel gives ready descriptors in turn, so none is
 * left out once there have been as many events as libevent holds. */
static void note_served(sse_loop *loop)
{
    if (loop->catching_up != SSE_READING || loop->polled == SIZE_MAX)
        return;
    if (loop->polled >= MIN_POLLED && loop->polled < loop->unread) {
        loop->unread -= loop->polled;
    } else {
        loop->catching_up = SSE_SERVING;
        sse_unserved_await(loop->unserved);
        sse_loop_defer(loop, &loop->served);
    }
    loop->polled = SIZE_MAX;
}

/* Active before a poll, so that libevent calls it after what earlier polls have left and before all
 * that this one has found. */
static void on_probe(evutil_socket_t fd, short what, void *arg)
{
    sse_loop *loop = arg;

    (void)fd;
    (void)what;
    note_served(loop);
    loop->polled = (size_t)event_base_get_num_events(loop->base, EVENT_BASE_COUNT_ACTIVE);
}

int sse_loop_new(sse_loop **out)
{
    sse_loop *loop = calloc(1, sizeof *loop);
    struct event_config *config = event_config_new();
    int code = SSE_ENOMEM;

    if (!loop || !config)
        goto fail;
    loop->wake.pipe[0] = -1;
    code = sse_random_bytes(&loop->seed, sizeof loop->seed);
    if (code)
        goto fail;
    /* Without the cached time, timers that a callback starts count from now instead of from the
     * begin of the turn. Without precise timers, libevent would take the time from a clock that
     * Linux advances every 4 ms, and wake up once a millisecond until a timer is due by it. */
    event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME | EVENT_BASE_FLAG_PRECISE_TIMER);
    loop->base = event_base_new_with_config(config);
    if (!loop->base || event_base_priority_init(loop->base, PRIORITIES)) {
        code = SSE_ESYS;
        goto fail;
    }
    code = sse_wake_make(&loop->wake, loop->base, on_wake, loop);
    if (code)
        goto fail;
    event_config_free(config);
    sse_deferred_queues_init(loop);
    sse_deferred_init(&loop->served, on_served, loop);
    sse_due_init(&loop->due);
    event_assign(&loop->probe, loop->base, -1, 0, on_probe, loop);
    event_priority_set(&loop->probe, SOCKETS);
    sse_process_join(&loop->process_entry, on_fork, loop);
    *out = loop;
    return SSE_OK;
fail:
    if (config)
        event_config_free(config);
    if (loop && loop->base) {
        sse_wake_drop(&loop->wake);
        event_base_free(loop->base);
    }
    free(loop);
    return code;
}

void sse_loop_free(sse_loop *loop)
{
    if (!loop)
        return;
    sse_deferred_queues_clear(loop);
    sse_process_leave(&loop->process_entry);
    sse_wake_drop(&loop->wake);
    event_base_free(loop->base);
    while (loop->sigint_watches > 0)
        release_interrupt(loop, SIGINT);
    free(loop);
}

struct event_base *sse_loop_base(sse_loop *loop)
{
    return loop->base;
}

const sse_hash_seed *sse_loop_seed(const sse_loop *loop)
{
    return &loop->seed;
}

/* --- running ---------------------------------------------------------------------------------- */

/* Serves what has happened, and waits for it first where `wait` says so. Where thousands of sockets
 * are ready the kernel alone takes some milliseconds to tell; then the rest of the turn is short.
 */
static int poll_events(sse_loop *loop, bool wait)
{
    int flags = EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY | (wait ? 0 : EVLOOP_NONBLOCK);
    int code = SSE_OK;

    sse_slice_begin_later(loop); /* the time that the poll waits does not count */
    loop->poll_cut = false;
    loop->poll_began = wait ? 0 : sse_clock_us();
    loop->deferred.slice_us = SSE_LOOP_SLICE_US;
    code = event_base_loop(loop->base, flags) < 0 ? SSE_ESYS : SSE_OK;
    if (loop->poll_cut && loop->poll_began && sse_clock_us() - loop->poll_began > LONG_POLL_US)
        loop->deferred.slice_us = SSE_SHORT_SLICE_US;
    return code;
}

void sse_loop_end_poll(sse_loop *loop)
{
    if (!sse_loop_slice_over(loop, sse_clock_us()))
        return;
    loop->poll_cut = true;
    event_base_loopbreak(loop->base);
}

/* Reads what has arrived. */
static int read_arrived(sse_loop *loop)
{
    int code = SSE_OK;

    event_active(&loop->probe, EV_READ, 0);
    code = poll_events(loop, false);
    if (!code && !loop->deferred.stopping && !loop->poll_cut)
        note_served(loop);
    return code;
}

/* Serves all that has arrived by now. Where that takes more than a slice, it goes on in the next
 * turn; SSE_CALLING follows once it is done. */
static int catch_up(sse_loop *loop)
{
    uint64_t began = sse_clock_us();
    int code = SSE_OK;

    if (loop->catching_up == SSE_CAUGHT_UP) {
        sse_due_set_mark(&loop->due);
        loop->catching_up = SSE_READING;
        loop->catching_since = sse_loop_now(loop);
        loop->unread = (size_t)sse_loop_events(loop);
        loop->polled = SIZE_MAX;
    }
    loop->calls_are_late = false;
    do {
        sse_deferred_run(loop, &loop->deferred.calls);
        if (loop->catching_up == SSE_READING && !loop->deferred.stopping && !loop->poll_cut)
            code = read_arrived(loop);
    } while (!code && !loop->deferred.stopping && !loop->poll_cut &&
             loop->catching_up < SSE_CALLING && sse_clock_us() - began < SSE_LOOP_SLICE_US);
    if (loop->catching_up == SSE_READING) /* where each poll is cut, the probe ends the reading */
        event_active(&loop->probe, EV_READ, 0);
    return code;
}

/* Calls the timers that next() gives until it gives none or the slice is over. */
static bool call_due(sse_loop *loop, sse_timer *(*next)(const sse_due *due))
{
    sse_timer *t = NULL;

    sse_slice_begin(loop);
    while (!loop->deferred.stopping && (t = next(&loop->due)) != NULL) {
        sse_due_take(&loop->due, t);
        if (t->period)
            sse_due_repeat(&loop->due, t);
        t->call(t->arg);
        if (sse_loop_slice_over(loop, sse_clock_us()))
            return false;
    }
    return !loop->deferred.stopping;
}

/* Calls the timers that are due, after everything that has arrived was served. A timer often judges
 * a peer by its silence, and bytes that wait in a socket are no silence. libevent alone would call
 * timers before it has looked: a process that was stopped finds its wait interrupted, and a poll
 * finds no more than MIN_POLLED sockets. Punctual timers judge nobody: they wait for a slice of
 * that at most, and not for the others, which may have more to do than fits into a turn. */
static int run_timers(sse_loop *loop)
{
    bool goes_on = loop->catching_up == SSE_CALLING;
    int code = goes_on ? SSE_OK : catch_up(loop);

    if (code || loop->deferred.stopping)
        return code;
    if (goes_on || loop->catching_up != SSE_CALLING)
        call_due(loop, sse_due_next_punctual);
    if (loop->catching_up == SSE_CALLING && call_due(loop, sse_due_next))
        loop->catching_up = SSE_CAUGHT_UP;
    return code;
}

/* Runs the deferred calls. Those that timers left no time for in the last turn run in any case. */
static void run_calls(sse_loop *loop, uint64_t polled)
{
    bool late = sse_clock_us() - polled >= SSE_LOOP_SLICE_US;

    if (late && !loop->calls_are_late) {
        loop->calls_are_late = true;
        return;
    }
    loop->calls_are_late = false;
    sse_deferred_run(loop, &loop->deferred.calls);
}

static int turn(sse_loop *loop)
{
    bool busy = loop->deferred.first.head || loop->deferred.calls.head ||
                loop->deferred.work.head || sse_due_any(&loop->due);
    uint64_t polled = 0;
    int code = SSE_OK;

    loop->turns++;
    sse_deferred_run_first(loop);
    if (!loop->deferred.stopping)
        code = poll_events(loop, !busy);
    polled = sse_clock_us();
    if (!code)
        sse_deferred_run_first(loop);
    if (!code && !loop->deferred.stopping && sse_due_any(&loop->due))
        code = run_timers(loop);
    if (!code && !loop->deferred.stopping)
        run_calls(loop, polled);
    if (!code && !loop->deferred.stopping)
        sse_deferred_run(loop, &loop->deferred.work);
    sse_slice_begin_later(loop); /* of what is called from outside of the loop */
    return code;
}

static void begin(sse_loop *loop)
{
    sse_process_set_thread(&loop->process_entry);
    loop->running = true;
    loop->stopped = false;
    sse_interrupt_begin(&loop->interrupt, on_interrupt, loop);
    on_interrupt(loop);
}

static void end(sse_loop *loop)
{
    sse_interrupt_end(&loop->interrupt);
    loop->running = false;
    sse_loop_keep_left(loop);
    loop->deferred.stopping = 0;
}

int sse_loop_run(sse_loop *loop)
{
    int code = SSE_OK;

    if (sse_loop_running(loop))
        return SSE_EBUSY;
    if (loop->unusable)
        return SSE_ESTATE;
    begin(loop);
    while (!code && !loop->deferred.stopping && loop->deferred.refs > 0)
        code = turn(loop);
    end(loop);
    return code;
}

int sse_loop_turn(sse_loop *loop, bool *alive)
{
    int code = SSE_OK;

    if (sse_loop_running(loop))
        return SSE_EBUSY;
    if (loop->unusable)
        return SSE_ESTATE;
    *alive = loop->deferred.refs > 0;
    if (!*alive)
        return SSE_OK;
    begin(loop);
    if (!loop->deferred.stopping)
        code = turn(loop);
    end(loop);
    return code;
}

void sse_loop_stop(sse_loop *loop)
{
    if (!loop->running)
        return;
    loop->deferred.stopping = 1;
    loop->stopped = true;
    event_base_loopbreak(loop->base);
}

bool sse_loop_in_callback(const sse_loop *loop)
{
    return loop->entered > 0;
}

bool sse_loop_running(const sse_loop *loop)
{
    return loop->running || loop->entered > 0;
}

int sse_loop_events(const sse_loop *loop)
{
    return event_base_get_num_events(loop->base, EVENT_BASE_COUNT_ADDED) - 1; /* wake_event */
}

void sse_loop_enter(sse_loop *loop)
{
    loop->entered++;
}

void sse_loop_leave(sse_loop *loop)
{
    loop->entered--;
}

bool sse_loop_is_unrun(const sse_loop *loop)
{
    return loop->deferred.refs > 0 && !loop->left_kept && !loop->running;
}

void sse_loop_keep_left(sse_loop *loop)
{
    loop->left_kept = loop->deferred.refs > 0;
}

uint64_t sse_loop_turns(const sse_loop *loop)
{
    return loop->turns;
}

void sse_loop_add_unserved(sse_loop *loop, sse_unserved *u)
{
    sse_unserved_add(&loop->unserved, u);
}

uint64_t sse_loop_seen(const sse_loop *loop)
{
    return loop->seen;
}

uint64_t sse_loop_now_us(const sse_loop *loop)
{
    (void)loop;
    return sse_clock_us();
}

uint64_t sse_loop_now(const sse_loop *loop)
{
    return sse_loop_now_us(loop) / 1000;
}

/* --- timers and signals ----------------------------------------------------------------------- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    sse_due_put(&((sse_timer *)arg)->loop->due, arg);
}

void sse_timer_init(sse_timer *t, sse_loop *loop, void (*call)(void *arg), void *arg)
{
    *t = (sse_timer){ .loop = loop, .call = call, .arg = arg };
    event_assign(&t->event, loop->base, -1, 0, on_timer, t);
}

int sse_timer_start(sse_timer *t, uint64_t ms, bool repeat)
{
    uint64_t us = ms < UINT64_MAX / 1000 ? ms * 1000 : UINT64_MAX;

    sse_timer_stop(t);
    t->period = !repeat ? 0 : us > 0 ? us : 1;
    t->at = repeat ? sse_clock_us() + t->period : 0;
    event_assign(&t->event, t->loop->base, -1, 0, on_timer, t);
    event_priority_set(&t->event, TIMERS);
    return sse_due_await(t, us);
}

void sse_timer_stop(sse_timer *t)
{
    event_del(&t->event);
    sse_due_take(&t->loop->due, t);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
    sse_signal *s = arg;

    (void)fd;
    (void)what;
    s->call(s->arg);
}

int sse_signal_start(sse_signal *s, sse_loop *loop, int number, void (*call)(void *arg), void *arg)
{
    s->call = call;
    s->arg = arg;
    s->loop = loop;
    if (!sse_process_add_signal(&loop->process_entry))
        return SSE_EBUSY;
    event_assign(&s->event, loop->base, number, EV_SIGNAL | EV_PERSIST, on_signal, s);
    hold_interrupt(loop, number);
    if (!event_add(&s->event, NULL))
        return SSE_OK;
    release_interrupt(loop, number);
    sse_process_remove_signal(&loop->process_entry);
    return SSE_ESYS;
}

void sse_signal_stop(sse_signal *s)
{
    event_del(&s->event);
    release_interrupt(s->loop, (int)event_get_signal(&s->event));
    sse_process_remove_signal(&s->loop->process_entry);
}
