#include "tally.h"

#include <stdlib.h>
#include <string.h>

#include "die.h"

void load_tally_begin(load *l, uint32_t count)
{
    load_tally *tally = &l->tally;

    free(tally->received);
    free(tally->last);
    memset(tally, 0, sizeof *tally);
    tally->first = l->next_number;
    tally->count = count;
    tally->received = calloc(count + 1, sizeof *tally->received);
    tally->last = calloc(count + 1, sizeof *tally->last);
    if (!tally->received || !tally->last)
        load_die("out of memory");
}

void load_tally_add(load *l, uint32_t number, int64_t published_at)
{
    load_tally *tally = &l->tally;
    uint32_t at = number - tally->first;
    int64_t delay = l->read_at - published_at;

    tally->delivered++;
    load_histogram_add(&tally->delay, delay);
    if (at >= tally->count)
        return;
    if (++tally->received[at] == l->open)
        tally->last[at] = delay;
}

/* What all open followers should have received since the tally began. */
static uint64_t due(const load *l)
{
    return (uint64_t)l->open * (l->next_number - l->tally.first);
}

bool load_tally_complete(const load *l)
{
    return l->publisher.pending == 0 && l->tally.delivered + l->tally.missed >= due(l);
}

void load_tally_count_missing(load *l)
{
    l->tally.missed = due(l) - l->tally.delivered;
}
