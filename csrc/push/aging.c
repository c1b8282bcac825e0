#include "aging.h"

#include "round.h"

#define AGING_MIN_MS 10 /* the least time between two trims by age */

void sse_aging_start(sse_channel *c)
{
    uint64_t due = 0, ms = 0;

    c->aging_runs = c->log.limits.max_age && c->log.first < c->log.next && !c->closed;
    if (!c->aging_runs)
        return;
    due = sse_log_at(&c->log, c->log.first)->time + c->log.limits.max_age;
    ms = due > c->now ? (due - c->now) / 1000 + 1 : 0;
    sse_timer_start(&c->aging, ms > AGING_MIN_MS ? ms : AGING_MIN_MS, false);
}

static void on_aged(void *arg)
{
    sse_channel *c = arg;

    sse_round_trim(c);
    sse_aging_start(c);
}

void sse_aging_init(sse_channel *c)
{
    sse_timer_init(&c->aging, c->loop, on_aged, c);
    c->aging.punctual = true;
}

void sse_aging_stop(sse_channel *c)
{
    sse_timer_stop(&c->aging);
}
