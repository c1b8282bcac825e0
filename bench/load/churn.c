#include "churn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "control.h"
#include "die.h"
#include "follower.h"
#include "publisher.h"
#include "subscribe.h"
#include "tally.h"
#include "wait.h"

/* An event is published for each EVENT_EVERY followers that came; at most MAX_OPENING of them are
 * connecting at one time. */
enum { EVENT_EVERY = 100, MAX_OPENING = 64 };

/* l->followers is a ring: follower number n is at n modulo its size, kept + 1. Those with numbers
 * from `left` to `came` - 1 are there, but for one in ten that left before its response. */
typedef struct ring {
    unsigned kept, came, left;
} ring;

static load_follower *follower_at(load *l, unsigned number)
{
    return &l->followers[number % l->follower_count];
}

static bool may_open_more(const load *l)
{
    return l->opening < MAX_OPENING;
}

static bool all_current(const load *l)
{
    if (l->opening > 0 || !load_publisher_idle(l))
        return false;
    for (unsigned i = 0; i < l->follower_count; i++)
        if (l->followers[i].state == LOAD_OPEN && !load_follower_current(l, &l->followers[i]))
            return false;
    return true;
}

static void subscribe_next(load *l, ring *r)
{
    load_follower *f = follower_at(l, r->came);

    if (!load_wait(l, may_open_more))
        load_die("%u followers were not answered", l->opening);
    memset(f, 0, sizeof *f);
    f->state = LOAD_OPENING;
    f->source = r->came;
    l->opening++;
    if (l->transport->open(l, f) != 0)
        load_die("follower %u: %s", r->came + 1, strerror(errno));
    r->came++;
}

/* The oldest leave, one in three by a reset. So does one in ten of the newest, before its response.
 */
static void unsubscribe_some(load *l, ring *r)
{
    if (r->came % 10 == 0)
        load_unsubscribe(l, follower_at(l, r->came - 1), r->came % 20 == 0);
    while (r->came - r->left > r->kept) {
        load_unsubscribe(l, follower_at(l, r->left), r->left % 3 == 0);
        r->left++;
    }
}

/* The server's memory once all events are delivered and garbage is collected. */
static int64_t memory_at_rest(load *l)
{
    if (!load_wait(l, all_current))
        load_die("followers are missing events after the churn");
    load_control_collect(l);
    return load_processes_memory(&l->processes);
}

static void churn(load *l, ring *r, unsigned until)
{
    while (r->came < until) {
        subscribe_next(l, r);
        unsubscribe_some(l, r);
        if (r->came % EVENT_EVERY == 0 && load_publisher_idle(l))
            load_publisher_publish(l, 1);
    }
}

void load_phase_churn(load *l, unsigned count, unsigned kept)
{
    ring r = { .kept = kept };
    int64_t began, cpu, tenth, end;
    uint32_t first = l->next_number;
    int descriptors;

    load_control_collect(l);
    descriptors = load_processes_descriptors(&l->processes);
    l->follower_count = kept + 1;
    l->followers = calloc(l->follower_count, sizeof *l->followers);
    if (!l->followers)
        load_die("out of memory");
    load_tally_begin(l, 0);
    began = load_now();
    cpu = load_processes_cpu(&l->processes);
    churn(l, &r, count / 10);
    tenth = memory_at_rest(l);
    churn(l, &r, count);
    end = memory_at_rest(l);
    printf("churn came=%u published=%u seconds=%.3f cpu_ns=%lld delivered=%llu missed=%llu "
           "repeated=%llu lost=%u tenth=%lld end=%lld",
           r.came, l->next_number - first, (double)(load_now() - began) / 1e9,
           (long long)(load_processes_cpu(&l->processes) - cpu),
           (unsigned long long)l->tally.delivered, (unsigned long long)l->tally.missed,
           (unsigned long long)l->tally.repeated, l->lost, (long long)tenth, (long long)end);
    for (unsigned i = 0; i < l->follower_count; i++)
        load_unsubscribe(l, &l->followers[i], i % 2 == 0);
    load_control_collect(l);
    printf(" descriptors=%d\n", load_processes_descriptors(&l->processes) - descriptors);
}
