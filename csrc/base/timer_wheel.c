#include "timer_wheel.h"

static void insert(sse_deadline **list, sse_deadline *d)
{
    d->next = *list;
    d->link = list;
    if (d->next)
        d->next->link = &d->next;
    *list = d;
}

static void unlink_from_list(sse_deadline *d)
{
    *d->link = d->next;
    if (d->next)
        d->next->link = d->link;
    d->link = NULL;
}

static void arm(sse_timer_wheel *w, uint64_t tick, uint64_t now)
{
    uint64_t at = tick * SSE_TIMER_WHEEL_TICK;

    w->armed = tick;
    /* Out of memory here would lose every deadline, but libevent's heap has had room for the timer
     * since its first start. */
    sse_timer_start(&w->timer, at > now ? at - now : 0, false);
}

/* Arms the timer for the next slot that holds a deadline. Where all of the slot's deadlines belong
 * to a later round, the timer fires once in vain. */
static void arm_next(sse_timer_wheel *w, uint64_t now)
{
    w->armed = 0;
    if (w->count == 0)
        return;
    for (uint64_t tick = w->tick + 1; tick <= w->tick + SSE_TIMER_WHEEL_SLOTS; tick++) {
        if (w->slots[tick % SSE_TIMER_WHEEL_SLOTS]) {
            arm(w, tick, now);
            return;
        }
    }
}

/* Moves deadlines that are due by tick `last` from the slot of `tick` to the expired ones. */
static void collect_slot(sse_timer_wheel *w, uint64_t tick, uint64_t last)
{
    sse_deadline *next = NULL;

    for (sse_deadline *d = w->slots[tick % SSE_TIMER_WHEEL_SLOTS]; d; d = next) {
        next = d->next;
        if (d->due > last * SSE_TIMER_WHEEL_TICK)
            continue;
        unlink_from_list(d);
        insert(&w->expired, d);
    }
}

static void note_lateness(sse_timer_wheel *w, uint64_t seen)
{
    uint64_t due = w->armed * SSE_TIMER_WHEEL_TICK;

    if (seen > due + SSE_TIMER_WHEEL_LATE &&
        seen > w->grace_until + 9 * (uint64_t)SSE_TIMER_WHEEL_GRACE)
        w->grace_until = seen + SSE_TIMER_WHEEL_GRACE;
}

bool sse_timer_wheel_excuse(sse_timer_wheel *w, sse_deadline *d)
{
    uint64_t seen = sse_loop_seen(w->loop);

    if (seen >= w->grace_until)
        return false;
    sse_timer_wheel_set(w, d, w->grace_until - seen);
    return true;
}

/* Collects the deadlines that were over when the loop read what had arrived, and not those that
 * ended since. */
static void collect_expired(sse_timer_wheel *w)
{
    uint64_t seen = sse_loop_seen(w->loop);
    uint64_t last = seen / SSE_TIMER_WHEEL_TICK;
    uint64_t first = w->tick + 1;

    note_lateness(w, seen);
    if (last < w->tick) /* the timer was early, and the wheel's time began after it */
        last = w->tick;
    if (last - w->tick > SSE_TIMER_WHEEL_SLOTS) /* the process slept: one round covers all slots */
        first = last - SSE_TIMER_WHEEL_SLOTS + 1;
    for (uint64_t tick = first; tick <= last; tick++)
        collect_slot(w, tick, last);
    w->tick = last;
}

/* Calls what has expired until the slice is over. A call may cancel or set others that have
 * expired, which unlinks them. */
static void call_expired(sse_timer_wheel *w)
{
    while (w->expired) {
        sse_deadline *d = w->expired;

        unlink_from_list(d);
        w->count--;
        d->call(d);
        if (sse_loop_slice_over(w->loop, sse_loop_now_us(w->loop)))
            return;
    }
}

/* Where some are left, the timer fires again at once, and nothing more is collected before. */
static void on_tick(void *arg)
{
    sse_timer_wheel *w = arg;

    if (!w->expired)
        collect_expired(w);
    call_expired(w);
    if (w->expired) {
        w->armed = w->tick; /* no deadline that is set has an earlier tick */
        sse_timer_start(&w->timer, 0, false);
    } else {
        arm_next(w, sse_loop_now(w->loop));
    }
}

void sse_timer_wheel_init(sse_timer_wheel *w, sse_loop *loop)
{
    *w = (sse_timer_wheel){ .loop = loop };
    w->tick = sse_loop_now(loop) / SSE_TIMER_WHEEL_TICK;
    sse_timer_init(&w->timer, loop, on_tick, w);
}

void sse_timer_wheel_stop(sse_timer_wheel *w)
{
    sse_timer_stop(&w->timer);
    w->armed = 0;
}

void sse_timer_wheel_set(sse_timer_wheel *w, sse_deadline *d, uint64_t ms)
{
    uint64_t now = sse_loop_now(w->loop);
    uint64_t tick = 0;

    sse_timer_wheel_cancel(w, d);
    if (w->count == 0)
        w->tick = now / SSE_TIMER_WHEEL_TICK; /* the wheel stood still: skip that time */
    d->due = now + ms + 1; /* `now` is rounded down, and a deadline is never early */
    tick = (d->due + SSE_TIMER_WHEEL_TICK - 1) / SSE_TIMER_WHEEL_TICK;
    if (tick <= w->tick)
        tick = w->tick + 1;
    insert(&w->slots[tick % SSE_TIMER_WHEEL_SLOTS], d);
    w->count++;
    if (w->armed == 0 || tick < w->armed)
        arm(w, tick, now);
}

void sse_timer_wheel_cancel(sse_timer_wheel *w, sse_deadline *d)
{
    if (!d->link)
        return;
    unlink_from_list(d);
    w->count--;
}
