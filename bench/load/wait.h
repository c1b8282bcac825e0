/* Turning the loop until something is so. */
#ifndef LOAD_WAIT_H
#define LOAD_WAIT_H

#include "load.h"

/* Handles the events that are there; waits at most 50 ms for the first. */
void load_wait_turn(load *l);
/* Turns the loop until `done`. Returns false if nothing was read for LOAD_PATIENCE seconds. */
bool load_wait(load *l, bool (*done)(const load *l));
/* Turns the loop until the server's processes are idle, for 10 s at most. */
void load_wait_quiet(load *l);

#endif
