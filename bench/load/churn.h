/* The phase in which followers come and leave. */
#ifndef LOAD_CHURN_H
#define LOAD_CHURN_H

#include "load.h"

/* `count` followers come one by one; the oldest leave once there are `kept` of them. */
void load_phase_churn(load *l, unsigned count, unsigned kept);

#endif
