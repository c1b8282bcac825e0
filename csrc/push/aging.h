/* aging.h: a channel's events leave its log when they reach max_age. */
#ifndef SSE_PUSH_AGING_H
#define SSE_PUSH_AGING_H

#include "channel_types.h"

void sse_aging_init(sse_channel *c);

/* Sets the timer for the moment at which the oldest event reaches max_age, if there are both. */
void sse_aging_start(sse_channel *c);

void sse_aging_stop(sse_channel *c);

#endif
