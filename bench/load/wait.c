#include "wait.h"

#include "clock.h"

static void on_tick(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what, (void)arg;
}

void load_wait_turn(load *l)
{
    static struct event *tick;
    struct timeval time = { 0, 50000 };

    if (!tick) {
        tick = event_new(l->base, -1, EV_PERSIST, on_tick, NULL);
        event_add(tick, &time);
    }
    event_base_loop(l->base, EVLOOP_ONCE);
}

bool load_wait(load *l, bool (*done)(const load *l))
{
    uint64_t reads = l->reads;
    int64_t at = load_now();

    while (!done(l)) {
        load_wait_turn(l);
        if (l->reads != reads) {
            reads = l->reads;
            at = load_now();
        } else if (load_now() - at > LOAD_PATIENCE * LOAD_SECOND) {
            return false;
        }
    }
    return true;
}

/* Quiet is less than 1 ms of CPU in 100 ms, three times in a row: timers of the server may still
 * fire. */
void load_wait_quiet(load *l)
{
    int64_t began = load_now();
    int quiet = 0;

    if (l->processes.count == 0 || load_processes_cpu(&l->processes) < 0)
        return;
    while (quiet < 3 && load_now() - began < 10 * LOAD_SECOND) {
        int64_t cpu = load_processes_cpu(&l->processes), until = load_now() + 100000000;

        while (load_now() < until)
            load_wait_turn(l);
        quiet = load_processes_cpu(&l->processes) - cpu < 1000000 ? quiet + 1 : 0;
    }
}
