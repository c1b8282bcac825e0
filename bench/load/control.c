#include "control.h"

#include "die.h"
#include "publisher.h"
#include "tally.h"
#include "wait.h"

void load_control_get(load *l, const char *target)
{
    load_publisher_request(l, "GET", target, "", 0);
    if (!load_wait(l, load_publisher_idle))
        load_die("GET %s was not answered within %d s", target, LOAD_PATIENCE);
}

void load_control_collect(load *l)
{
    if (l->gc)
        load_control_get(l, l->gc);
    load_wait_quiet(l);
}

void load_control_publish(load *l, unsigned times, unsigned burst)
{
    load_tally_begin(l, times * burst);
    for (unsigned i = 0; i < times; i++) {
        load_publisher_publish(l, burst);
        if (!load_wait(l, load_tally_complete)) {
            load_tally_count_missing(l);
            break;
        }
    }
}
