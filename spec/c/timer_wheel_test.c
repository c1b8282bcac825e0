/* timer_wheel_test.c: the timer wheel against a model, on a clock of its own: 10,000 deadlines that
 * are set, moved and cancelled, also within the callbacks of others, while timers fire early or
 * late, slices end before all is called, and the process sleeps. */
#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/base/timer_wheel.h"

#define DEADLINES 10000
#define CHANGES   40000 /* sets and cancels by callbacks; afterwards deadlines only fire */
#define JITTER    5000  /* us by which the timer may be early or late */
#define TICK      (SSE_TIMER_WHEEL_TICK * 1000) /* us */

typedef struct entry {
    sse_deadline deadline;
    uint64_t due; /* us: when the model expects it to fire; 0: not set */
} entry;

static entry entries[DEADLINES];
static sse_timer_wheel wheel;
/* All in us, of which the wheel is told whole milliseconds. */
static uint64_t now = 1000000;
static uint64_t began; /* when the timer fired last */
static uint64_t ended; /* when its callbacks had returned the time before */
static uint64_t slept; /* by which the process' sleep delayed the timer */
static uint64_t grace_until; /* when the model's last time of grace ends */
static bool slice_over;      /* nothing more is to be called before the timer fires again */
static size_t changes, fired, excused, sliced, failures;
static struct {
    bool set;
    uint64_t due;
} timer;

/* --- the loop, which the wheel calls ---------------------------------------------------------- */

uint64_t sse_loop_now(const sse_loop *loop)
{
    (void)loop;
    return now / 1000;
}

uint64_t sse_loop_now_us(const sse_loop *loop)
{
    (void)loop;
    return now;
}

static uint64_t below(uint64_t n);

bool sse_loop_slice_over(sse_loop *loop, uint64_t now_us)
{
    (void)loop;
    (void)now_us;
    slice_over = below(10) == 0;
    return slice_over;
}

uint64_t sse_loop_seen(const sse_loop *loop)
{
    (void)loop;
    return began / 1000;
}

void sse_timer_init(sse_timer *t, sse_loop *loop, void (*call)(void *arg), void *arg)
{
    (void)loop;
    t->call = call;
    t->arg = arg;
}

int sse_timer_start(sse_timer *t, uint64_t ms, bool repeat)
{
    (void)t;
    (void)repeat;
    timer.set = true;
    timer.due = now + ms * 1000;
    return SSE_OK;
}

void sse_timer_stop(sse_timer *t)
{
    (void)t;
    timer.set = false;
}

/* --- the test --------------------------------------------------------------------------------- */

static uint64_t below(uint64_t n)
{
    static uint64_t x = 88172645463325252u; /* xorshift: the same numbers in every run */

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x % n;
}

static void check(bool good, const char *what, const entry *e)
{
    if (good)
        return;
    if (failures++ < 10)
        fprintf(stderr, "wheel: %s: due %llu, now %llu\n", what, (unsigned long long)e->due,
                (unsigned long long)now);
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t some_delay(void)
{
    switch (below(8)) {
    case 0:
        return 0;
    case 1:
        return below(3600000);
    case 2:
        return below(60000);
    case 3:
        return (uint64_t)SSE_TIMER_WHEEL_TICK * SSE_TIMER_WHEEL_SLOTS * below(4); /* whole turns of
                                                                                     the wheel */
    default:
        return below(300);
    }
}

static void set(entry *e)
{
    uint64_t ms = some_delay();

    e->due = now + ms * 1000;
    sse_timer_wheel_set(&wheel, &e->deadline, ms);
}

static void change_something(void)
{
    entry *e = &entries[below(DEADLINES)];

    if (changes >= CHANGES)
        return;
    changes++;
    if (below(3)) {
        set(e);
    } else {
        e->due = 0;
        sse_timer_wheel_cancel(&wheel, &e->deadline);
    }
}

/* Asks for an excuse, which is to be had in a time of grace, and for its rest. */
static bool excuse(entry *e)
{
    bool got = sse_timer_wheel_excuse(&wheel, &e->deadline);

    check(got == (began / 1000 < grace_until / 1000), got ? "excused too much" : "not excused", e);
    if (!got)
        return false;
    excused++;
    e->due = now + (grace_until / 1000 - began / 1000) * 1000;
    return true;
}

static void on_due(sse_deadline *d)
{
    entry *e = SSE_CONTAINER_OF(d, entry, deadline);

    fired++;
    check(e->due != 0, "fired though not set", e);
    check(now >= e->due, "early", e);
    check(began <= later(e->due, ended) + TICK + 1000 + JITTER + slept, "late", e);
    check(!d->link, "still linked in its call", e);
    check(!slice_over, "called though the slice was over", e);
    if (below(4) == 0 && excuse(e))
        return;
    e->due = 0;
    if (changes < CHANGES && below(2))
        set(e); /* sets its own deadline again */
    change_something();
    if (below(50) == 0)
        now += below(400000); /* a slow callback */
}

/* Fires the timer, at most JITTER early or late, and sometimes only after the process slept. */
static void fire_timer(void)
{
    uint64_t at = timer.due + below(2 * JITTER), ms = 0;

    slept = below(200) == 0 ? below(7200) * 1000000 : 0;
    now = later(now, at - JITTER) + slept;
    timer.set = false;
    began = now;
    ms = now / 1000;
    if (ms > wheel.armed * SSE_TIMER_WHEEL_TICK + SSE_TIMER_WHEEL_LATE &&
        ms > grace_until / 1000 + 9 * SSE_TIMER_WHEEL_GRACE && !wheel.expired)
        grace_until = (ms + SSE_TIMER_WHEEL_GRACE) * 1000;
    sliced += wheel.expired != NULL;
    slice_over = false;
    wheel.timer.call(wheel.timer.arg);
    ended = now;
}

/* The wheel knows the time in whole milliseconds. A deadline that was set late in one of them does
 * not fire before the rest of that millisecond is over, too. */
static void test_fraction(void)
{
    entry *e = &entries[0];

    now = (uint64_t)100 * TICK - 8100;
    e->deadline.call = on_due;
    e->due = now + 9000;
    sse_timer_wheel_init(&wheel, NULL);
    sse_timer_wheel_set(&wheel, &e->deadline, 9);
    began = now = (uint64_t)100 * TICK;
    wheel.timer.call(wheel.timer.arg);
    sse_timer_wheel_cancel(&wheel, &e->deadline);
}

int main(void)
{
    size_t left = 0;

    test_fraction();
    sse_timer_wheel_init(&wheel, NULL);
    for (size_t i = 0; i < DEADLINES; i++) {
        entries[i].deadline.call = on_due;
        set(&entries[i]);
    }
    while (wheel.count > 0 && failures == 0) {
        if (!timer.set) {
            fprintf(stderr, "wheel: %zu deadlines wait and no timer is set\n", wheel.count);
            return EXIT_FAILURE;
        }
        fire_timer();
    }
    for (size_t i = 0; i < DEADLINES; i++)
        left += entries[i].due != 0;
    if (left > 0)
        fprintf(stderr, "wheel: %zu deadlines were lost\n", left);
    sse_timer_wheel_stop(&wheel);
    if (sliced == 0)
        check(false, "no slice ended before all was called", &entries[0]);
    printf("wheel: %zu deadlines fired, %zu excused, %zu changes from within calls: %s\n", fired,
           excused, changes, failures || left ? "FAILED" : "as the model says");
    return failures || left ? EXIT_FAILURE : EXIT_SUCCESS;
}
