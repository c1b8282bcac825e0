#include "phases.h"

#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "control.h"
#include "publisher.h"
#include "report.h"
#include "subscribe.h"
#include "tally.h"
#include "wait.h"

void load_phase_connect(load *l, unsigned count)
{
    load_span s;

    load_control_collect(l);
    l->idle_memory = load_report_memory(l);
    s = load_span_begin(l);
    load_subscribe(l, count);
    printf("connect followers=%u", l->open);
    load_span_print(l, s);
    printf("\n");
}

void load_phase_leave(load *l)
{
    for (unsigned i = 0; i < l->follower_count; i++)
        load_unsubscribe(l, &l->followers[i], true);
    free(l->followers);
    l->followers = NULL;
    l->follower_count = 0;
    load_wait_quiet(l);
    printf("leave lost=%u\n", l->lost);
}

void load_phase_memory(load *l)
{
    int64_t memory;

    load_control_collect(l);
    memory = load_report_memory(l);
    printf("memory followers=%u", l->open);
    if (memory >= 0)
        printf(" bytes=%lld grown=%lld", (long long)memory, (long long)(memory - l->idle_memory));
    printf("\n");
}

void load_phase_publish(load *l, const char *name, unsigned times, unsigned burst)
{
    load_span s = load_span_begin(l);

    load_control_publish(l, times, burst);
    printf("%s followers=%u published=%u", name, l->open, times * burst);
    load_span_print(l, s);
    load_report_tally(l);
    printf("\n");
}

/* Only ends the loop's wait. */
static void on_due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

void load_phase_rate(load *l, double rate, unsigned count)
{
    load_span s = load_span_begin(l);

    load_tally_begin(l, count);
    for (unsigned i = 0; i < count; i++) {
        int64_t due = s.began + (int64_t)(i / rate * 1e9);
        struct timeval time = { 0, 0 };
        struct event *timer = event_new(l->base, -1, 0, on_due, NULL);

        if (due > load_now())
            time.tv_sec = (due - load_now()) / LOAD_SECOND,
            time.tv_usec = (due - load_now()) % LOAD_SECOND / 1000;
        event_add(timer, &time);
        while (load_now() < due)
            load_wait_turn(l);
        event_free(timer);
        load_publisher_publish(l, 1);
    }
    if (!load_wait(l, load_tally_complete))
        load_tally_count_missing(l);
    printf("rate followers=%u published=%u", l->open, count);
    load_span_print(l, s);
    load_report_tally(l);
    printf("\n");
}

void load_phase_get(load *l, const char *target)
{
    load_control_get(l, target);
    printf("get target=%s body=%s\n", target, l->publisher.body);
}
