/* The phases that main.c's usage lists. Each prints one line: its name, then key=value. */
#ifndef LOAD_PHASES_H
#define LOAD_PHASES_H

#include "load.h"

void load_phase_connect(load *l, unsigned count);
void load_phase_leave(load *l);
void load_phase_memory(load *l);
/* name: "events" or "burst"; `times` times `burst` events. */
void load_phase_publish(load *l, const char *name, unsigned times, unsigned burst);
/* rate: events a second. */
void load_phase_rate(load *l, double rate, unsigned count);
void load_phase_get(load *l, const char *target);

#endif
