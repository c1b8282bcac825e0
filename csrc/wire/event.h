/* event.h: one event, as the parser reports it and the encoder takes it. */
#ifndef SSE_WIRE_EVENT_H
#define SSE_WIRE_EVENT_H

#include <stdint.h>

#include "slice.h"

#define SSE_NO_RETRY ((int64_t)-1)

typedef struct sse_event {
    sse_slice type; /* encoder: absent leaves the field out */
    sse_slice data; /* encoder: absent leaves the field out, and clients dispatch no event */
    sse_slice id;  /* encoder: absent leaves the field out, empty resets the client's last event id;
                      parser: the last event id */
    int64_t retry; /* encoder: ms, or SSE_NO_RETRY; parser: SSE_NO_RETRY, for it reports retry
                      fields apart */
} sse_event;

#endif
