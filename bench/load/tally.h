/* What the followers received in one phase. */
#ifndef LOAD_TALLY_H
#define LOAD_TALLY_H

#include "load.h"

/* Begins a new tally of what is published from now on; the next `count` events are also looked at
 * one by one. */
void load_tally_begin(load *l, uint32_t count);
/* Counts an event that a follower just received; published_at in ns. */
void load_tally_add(load *l, uint32_t number, int64_t published_at);
/* Whether every open follower received, or is known to have missed, all that was published. */
bool load_tally_complete(const load *l);
/* Counts as missed what was published and did not come. */
void load_tally_count_missing(load *l);

#endif
