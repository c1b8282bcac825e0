/* unserved.h: what has arrived and waits in a queue of its owner's, so that no turn takes too long.
 * Timers that judge a peer by its silence wait for it. */
#ifndef SSE_BASE_UNSERVED_H
#define SSE_BASE_UNSERVED_H

#include <stdbool.h>
#include <stdint.h>

/* A queue, by numbers that its owner keeps: what is queued takes the next one as its order.
 * Embedded in its owner. */
typedef struct sse_unserved {
    struct sse_unserved *next, **link; /* of the loop's; link NULL: it is in no list */
    uint64_t next_order;
    uint64_t oldest;  /* the order of what waits longest; next_order: nothing waits */
    uint64_t awaited; /* what was queued before this order is waited for */
} sse_unserved;

void sse_unserved_add(sse_unserved **list, sse_unserved *u);

/* Does nothing where it is in no list. */
void sse_unserved_remove(sse_unserved *u);

/* What is in the queues by now is waited for. */
void sse_unserved_await(sse_unserved *list);

/* Whether something that is waited for still waits in a queue. */
bool sse_unserved_waits(const sse_unserved *list);

#endif
