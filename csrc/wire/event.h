/* event.h: one event as the parser reports it and the encoder takes it. */
#ifndef SSE_WIRE_EVENT_H
#define SSE_WIRE_EVENT_H

#include <stdint.h>

#include "slice.h"

#define SSE_NO_RETRY ((int64_t)-1)

typedef struct sse_event {
    sse_slice type; /* encoder: absent leaves the field out */
    sse_slice data; /* encoder: absent leaves the field out (then nothing is dispatched) */
    sse_slice id;   /* encoder: absent leaves it out, empty resets; parser: the last event id */
    int64_t retry;  /* ms, or SSE_NO_RETRY; the parser reports retry on its own */
} sse_event;

#endif
