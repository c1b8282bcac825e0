/* Followers come and leave. */
#ifndef LOAD_SUBSCRIBE_H
#define LOAD_SUBSCRIBE_H

#include "load.h"

/* Allocates `count` followers, at l->followers, and opens all their streams. Ends the program if
 * one fails. */
void load_subscribe(load *l, unsigned count);
/* Closes a follower's stream if it is opening or open; by a reset instead of an orderly end if
 * `reset`. */
void load_unsubscribe(load *l, load_follower *follower, bool reset);

#endif
