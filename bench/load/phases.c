#define _GNU_SOURCE /* memmem */
#include "load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- turning the loop ------------------------------------------------------------------------- */

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

/* For 50 ms at most. */
void load_turn(load *l)
{
    static struct event *tick;
    struct timeval time = { 0, 50000 };

    if (!tick) {
        tick = event_new(l->base, -1, EV_PERSIST, on_tick, NULL);
        event_add(tick, &time);
    }
    event_base_loop(l->base, EVLOOP_ONCE);
}

bool load_wait(load *l, bool (*done)(load *l))
{
    uint64_t moved = l->moved;
    int64_t at = load_now();

    while (!done(l)) {
        load_turn(l);
        if (l->moved != moved) {
            moved = l->moved;
            at = load_now();
        } else if (load_now() - at > LOAD_PATIENCE * INT64_C(1000000000)) {
            return false;
        }
    }
    return true;
}

/* Under 1 ms of CPU in 100 ms, three times in a row: whatever it does now and then is no work. */
void load_wait_quiet(load *l)
{
    int64_t began = load_now();
    int quiet = 0;

    if (l->pid_count == 0 || load_cpu(l) < 0)
        return;
    while (quiet < 3 && load_now() - began < 10 * INT64_C(1000000000)) {
        int64_t cpu = load_cpu(l), until = load_now() + 100000000;

        while (load_now() < until)
            load_turn(l);
        quiet = load_cpu(l) - cpu < 1000000 ? quiet + 1 : 0;
    }
}

bool load_answered(load *l)
{
    return l->publisher.owed == 0;
}

static void ask(load *l, const char *target)
{
    load_request(l, "GET", target, "", 0);
    if (!load_wait(l, load_answered))
        load_die("GET %s was not answered within %d s", target, LOAD_PATIENCE);
}

void load_collect(load *l)
{
    if (l->gc)
        ask(l, l->gc);
    load_wait_quiet(l);
}

/* --- followers -------------------------------------------------------------------------------- */

void load_leave(load *l, load_follower *f, bool reset)
{
    if (f->state == LOAD_OPENING)
        l->opening--;
    else if (f->state == LOAD_OPEN)
        l->live--;
    else
        return;
    l->transport->leave(l, f, reset);
    f->state = LOAD_IDLE;
}

static bool room_to_open(load *l)
{
    return l->opening < LOAD_AT_ONCE;
}

static bool all_open(load *l)
{
    return l->opening == 0;
}

void load_open_followers(load *l, unsigned count)
{
    l->followers = calloc(count, sizeof *l->followers);
    if (!l->followers)
        load_die("out of memory");
    l->count = count;
    for (unsigned i = 0; i < count; i++) {
        load_follower *f = &l->followers[i];

        if (!load_wait(l, room_to_open))
            load_die("%u of %u followers were not answered", l->opening, count);
        f->state = LOAD_OPENING;
        f->turn = i;
        l->opening++;
        if (l->transport->open(l, f) != 0)
            load_die("follower %u of %u: %s", i + 1, count, strerror(errno));
    }
    if (!load_wait(l, all_open))
        load_die("%u of %u followers were not answered", l->opening, count);
}

/* --- reports ---------------------------------------------------------------------------------- */

typedef struct span {
    int64_t began, cpu;
} span;

static span span_begin(load *l)
{
    return (span){ load_now(), l->pid_count ? load_cpu(l) : -1 };
}

static void print_span(load *l, span s)
{
    printf(" seconds=%.6f", (double)(load_now() - s.began) / 1e9);
    if (s.cpu >= 0)
        printf(" cpu_ns=%lld", (long long)(load_cpu(l) - s.cpu));
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static void print_tally(load *l)
{
    load_tally *t = &l->tally;
    double us = 1e3;

    printf(" delivered=%llu missed=%llu repeated=%llu lost=%u", (unsigned long long)t->delivered,
           (unsigned long long)t->missed, (unsigned long long)t->repeated, l->lost);
    printf(" p50_us=%.1f p99_us=%.1f", (double)load_histogram_at(&t->delay, 0.5) / us,
           (double)load_histogram_at(&t->delay, 0.99) / us);
    if (t->count == 0)
        return;
    qsort(t->last, t->count, sizeof *t->last, compare);
    printf(" last_us=%.1f last_worst_us=%.1f", (double)t->last[t->count / 2] / us,
           (double)t->last[t->count - 1] / us);
}

/* Every follower has every number of the tally, or nothing moves any more. */
static bool all_got(load *l)
{
    return l->publisher.owed == 0 && l->tally.delivered + l->tally.missed >=
                                         (uint64_t)l->live * (l->next_number - l->tally.first);
}

/* What was published in this phase and did not come. */
static void count_missing(load *l)
{
    load_tally *t = &l->tally;

    t->missed = (uint64_t)l->live * (l->next_number - t->first) - t->delivered;
}

/* --- phases ----------------------------------------------------------------------------------- */

void load_phase_connect(load *l, unsigned count)
{
    span s;

    load_collect(l);
    l->idle_memory = l->pid_count ? load_memory(l) : -1;
    s = span_begin(l);
    load_open_followers(l, count);
    printf("connect followers=%u", l->live);
    print_span(l, s);
    printf("\n");
}

void load_phase_leave(load *l)
{
    for (unsigned i = 0; i < l->count; i++)
        load_leave(l, &l->followers[i], true);
    free(l->followers);
    l->followers = NULL;
    l->count = 0;
    load_wait_quiet(l);
    printf("leave lost=%u\n", l->lost);
}

void load_phase_memory(load *l)
{
    int64_t memory;

    load_collect(l);
    memory = l->pid_count ? load_memory(l) : -1;
    printf("memory followers=%u", l->live);
    if (memory >= 0)
        printf(" bytes=%lld grown=%lld", (long long)memory, (long long)(memory - l->idle_memory));
    printf("\n");
}

static void publish_and_wait(load *l, unsigned turns, unsigned burst)
{
    load_tally_begin(l, turns * burst);
    for (unsigned i = 0; i < turns; i++) {
        load_publish(l, burst);
        if (!load_wait(l, all_got)) {
            count_missing(l);
            break;
        }
    }
}

void load_phase_publish(load *l, const char *name, unsigned turns, unsigned burst)
{
    span s = span_begin(l);

    publish_and_wait(l, turns, burst);
    printf("%s followers=%u published=%u", name, l->live, turns * burst);
    print_span(l, s);
    print_tally(l);
    printf("\n");
}

void load_phase_rate(load *l, double rate, unsigned count)
{
    span s = span_begin(l);

    load_tally_begin(l, count);
    for (unsigned i = 0; i < count; i++) {
        int64_t due = s.began + (int64_t)(i / rate * 1e9);
        struct timeval time = { 0, 0 };
        struct event *timer = event_new(l->base, -1, 0, on_tick, NULL);

        if (due > load_now())
            time.tv_sec = (due - load_now()) / 1000000000,
            time.tv_usec = (due - load_now()) % 1000000000 / 1000;
        event_add(timer, &time);
        while (load_now() < due)
            load_turn(l);
        event_free(timer);
        load_publish(l, 1);
    }
    if (!load_wait(l, all_got))
        count_missing(l);
    printf("rate followers=%u published=%u", l->live, count);
    print_span(l, s);
    print_tally(l);
    printf("\n");
}

void load_phase_get(load *l, const char *target)
{
    ask(l, target);
    printf("get target=%s body=%s\n", target, l->publisher.body);
}

/* --- a follower that stops reading ------------------------------------------------------------ */

static bool stuck_open(load *l)
{
    return l->stuck.state != LOAD_OPENING;
}

/* It was ended, or the last event has come whole: its mark and what follows. */
static bool stuck_current(load *l)
{
    size_t tail = l->record_len < 8 ? l->record_len : 8;

    return l->stuck.state == LOAD_ENDED ||
           (load_follower_current(l, &l->stuck) &&
            memmem(l->record + l->record_len - tail, tail, "\n\n", 2));
}

static void open_stuck(load *l)
{
    l->stuck.state = LOAD_OPENING;
    if (l->transport->open(l, &l->stuck) != 0 || !load_wait(l, stuck_open))
        load_die("the stuck follower was not answered");
}

void load_phase_stuck(load *l, unsigned turns, unsigned burst)
{
    int64_t before;
    span s;

    load_collect(l);
    before = l->pid_count ? load_memory(l) : -1;
    l->stuck.watched = true;
    l->stuck.room = 4096;
    open_stuck(l);
    l->stuck.next = l->next_number;
    l->transport->pause(l, &l->stuck, true);
    s = span_begin(l);
    publish_and_wait(l, turns, burst);
    printf("stuck followers=%u published=%u", l->live, turns * burst);
    print_span(l, s);
    print_tally(l);
    if (before >= 0)
        printf(" grown=%lld", (long long)(load_memory(l) - before));
    printf("\n");
}

/* The id of the last event that came whole, in `id`; the number after it, 0 for none. */
static uint32_t last_whole(load *l, char *id, size_t room)
{
    char *start = l->record, *end = l->record + l->record_len;
    uint32_t next = 0;

    for (char *blank; (blank = memmem(start, (size_t)(end - start), "\n\n", 2));
         start = blank + 2) {
        char *field = memmem(start, (size_t)(blank - start), "id: ", 4);
        char *mark = memchr(start, '@', (size_t)(blank - start));
        size_t len = field ? strcspn(field + 4, "\r\n") : 0;

        if (!field || !mark || len >= room)
            continue;
        memcpy(id, field + 4, len);
        id[len] = '\0';
        next = (uint32_t)strtoul(mark + 1, NULL, 10) + 1;
    }
    return next;
}

void load_phase_return(load *l)
{
    static char id[512];
    uint32_t next;
    uint64_t missed;
    bool closed, gap;

    l->transport->pause(l, &l->stuck, false);
    load_wait(l, stuck_current);
    closed = l->stuck.state == LOAD_ENDED;
    next = last_whole(l, id, sizeof id);
    if (!closed)
        l->transport->leave(l, &l->stuck, true);
    l->record_len = 0;
    l->stuck.kept = 0;
    l->stuck.next = next;
    l->stuck.fresh = false;
    l->stuck.last_event_id = id;
    load_tally_begin(l, 0);
    open_stuck(l);
    load_wait(l, stuck_current);
    missed = l->tally.missed;
    gap = memmem(l->record, l->record_len, "event: sse-gap", 14) != NULL;
    printf("return closed=%d last=%u missed=%llu repeated=%llu gap=%d current=%d\n", closed, next,
           (unsigned long long)missed, (unsigned long long)l->tally.repeated, gap,
           load_follower_current(l, &l->stuck));
}
