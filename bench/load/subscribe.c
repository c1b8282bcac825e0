#include "subscribe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "die.h"
#include "wait.h"

static bool may_open_more(const load *l)
{
    return l->opening < LOAD_MAX_OPENING;
}

static bool none_opening(const load *l)
{
    return l->opening == 0;
}

void load_subscribe(load *l, unsigned count)
{
    l->followers = calloc(count, sizeof *l->followers);
    if (!l->followers)
        load_die("out of memory");
    l->follower_count = count;
    for (unsigned i = 0; i < count; i++) {
        load_follower *f = &l->followers[i];

        if (!load_wait(l, may_open_more))
            load_die("%u of %u followers were not answered", l->opening, count);
        f->state = LOAD_OPENING;
        f->source = i;
        l->opening++;
        if (l->transport->open(l, f) != 0)
            load_die("follower %u of %u: %s", i + 1, count, strerror(errno));
    }
    if (!load_wait(l, none_opening))
        load_die("%u of %u followers were not answered", l->opening, count);
}

void load_unsubscribe(load *l, load_follower *f, bool reset)
{
    if (f->state == LOAD_OPENING)
        l->opening--;
    else if (f->state == LOAD_OPEN)
        l->open--;
    else
        return;
    l->transport->leave(l, f, reset);
    f->state = LOAD_IDLE;
}
