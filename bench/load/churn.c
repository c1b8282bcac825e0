/* Followers that come and leave. */
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { AN_EVENT_EVERY = 100, OPENING = 64 };

/* A ring of followers, oldest first. */
typedef struct ring {
    unsigned pool, came, left;
} ring;

static load_follower *at(load *l, unsigned number)
{
    return &l->followers[number % l->count];
}

static bool few_opening(load *l)
{
    return l->opening < OPENING;
}

static bool all_current(load *l)
{
    if (l->opening > 0 || l->publisher.owed > 0)
        return false;
    for (unsigned i = 0; i < l->count; i++)
        if (l->followers[i].state == LOAD_OPEN && !load_follower_current(l, &l->followers[i]))
            return false;
    return true;
}

static void come(load *l, ring *r)
{
    load_follower *f = at(l, r->came);

    if (!load_wait(l, few_opening))
        load_die("%u followers were not answered", l->opening);
    memset(f, 0, sizeof *f);
    f->state = LOAD_OPENING;
    f->turn = r->came;
    l->opening++;
    if (l->transport->open(l, f) != 0)
        load_die("follower %u: %s", r->came + 1, strerror(errno));
    r->came++;
}

/* By an end, by a reset; one in ten before it was answered. */
static void leave_oldest(load *l, ring *r)
{
    if (r->came % 10 == 0)
        load_leave(l, at(l, r->came - 1), r->came % 20 == 0);
    while (r->came - r->left > r->pool) {
        load_leave(l, at(l, r->left), r->left % 3 == 0);
        r->left++;
    }
}

static int64_t settled_memory(load *l)
{
    if (!load_wait(l, all_current))
        load_die("followers are missing events after the churn");
    load_collect(l);
    return load_memory(l);
}

static void churn(load *l, ring *r, unsigned until)
{
    while (r->came < until) {
        come(l, r);
        leave_oldest(l, r);
        if (r->came % AN_EVENT_EVERY == 0 && load_answered(l))
            load_publish(l, 1);
    }
}

void load_phase_churn(load *l, unsigned count, unsigned pool)
{
    ring r = { .pool = pool };
    int64_t began, cpu, tenth, end;
    uint32_t first = l->next_number;
    int descriptors;

    load_collect(l);
    descriptors = load_descriptors(l);
    l->count = pool + 1;
    l->followers = calloc(l->count, sizeof *l->followers);
    if (!l->followers)
        load_die("out of memory");
    load_tally_begin(l, 0);
    began = load_now();
    cpu = load_cpu(l);
    churn(l, &r, count / 10);
    tenth = settled_memory(l);
    churn(l, &r, count);
    end = settled_memory(l);
    printf("churn came=%u published=%u seconds=%.3f cpu_ns=%lld delivered=%llu missed=%llu "
           "repeated=%llu lost=%u tenth=%lld end=%lld",
           r.came, l->next_number - first, (double)(load_now() - began) / 1e9,
           (long long)(load_cpu(l) - cpu), (unsigned long long)l->tally.delivered,
           (unsigned long long)l->tally.missed, (unsigned long long)l->tally.repeated, l->lost,
           (long long)tenth, (long long)end);
    for (unsigned i = 0; i < l->count; i++)
        load_leave(l, &l->followers[i], i % 2 == 0);
    load_collect(l);
    printf(" descriptors=%d\n", load_descriptors(l) - descriptors);
}
