/* The phases of a follower that stops reading, and comes back. */
#ifndef LOAD_STUCK_H
#define LOAD_STUCK_H

#include "load.h"

/* Publishes `burst` events `times` times beside one more follower that reads its response's head
 * and nothing more. */
void load_phase_stuck(load *l, unsigned times, unsigned burst);
/* The same follower reads what it was sent, then connects again with its last event id. */
void load_phase_return(load *l);

#endif
