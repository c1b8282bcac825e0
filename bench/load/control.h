/* Requests to the server that a phase waits for. */
#ifndef LOAD_CONTROL_H
#define LOAD_CONTROL_H

#include "load.h"

/* Requests a target; its body is then in l->publisher.body. Ends the program on a timeout. */
void load_control_get(load *l, const char *target);
/* Has the server collect its garbage if it can, and waits until it is idle. */
void load_control_collect(load *l);
/* Begins a tally and publishes `burst` events `times` times, each time waiting until every follower
 * has them. If followers miss some, counts those and stops. */
void load_control_publish(load *l, unsigned times, unsigned burst);

#endif
