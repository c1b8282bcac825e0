#include "lane.h"

#include <stdlib.h>

static void release(sse_lane *lane, sse_multi_entry *e)
{
    sse_entry_queue_take(e);
    sse_entry_queue_put(lane->lanes->ready, e);
}

/* Lets the next one start, or all where they cannot share. */
static void open_gate(sse_lane *lane)
{
    bool any = lane->waiting.first != NULL;

    lane->opening = NULL;
    sse_timer_stop(&lane->timer);
    while (lane->waiting.first && (lane->serial || any)) {
        release(lane, lane->waiting.first);
        if (!lane->serial)
            break;
    }
    if (any)
        lane->lanes->on_ready(lane->lanes->arg);
}

static void on_timer(void *arg)
{
    open_gate(arg);
}

/* --- enter and leave -------------------------------------------------------------------------- */

static sse_lane *new_lane(sse_lanes *lanes, sse_lane **bucket, uint64_t origin)
{
    sse_lane *lane = calloc(1, sizeof *lane);

    if (!lane)
        return NULL;
    lane->lanes = lanes;
    lane->origin = origin;
    sse_timer_init(&lane->timer, lanes->loop, on_timer, lane);
    lane->link = bucket;
    lane->next = *bucket;
    if (lane->next)
        lane->next->link = &lane->next;
    *bucket = lane;
    return lane;
}

int sse_lane_enter(sse_lanes *lanes, sse_multi_entry *e)
{
    sse_lane **bucket = &lanes->buckets[e->origin % SSE_LANE_BUCKETS], *lane = *bucket;

    while (lane && lane->origin != e->origin)
        lane = lane->next;
    if (!lane)
        lane = new_lane(lanes, bucket, e->origin);
    if (!lane)
        return SSE_ENOMEM;
    lane->count++;
    e->lane = lane;
    return SSE_OK;
}

void sse_lane_leave(sse_multi_entry *e)
{
    sse_lane *lane = e->lane;

    if (!lane)
        return;
    e->lane = NULL;
    sse_entry_queue_take(e);
    if (lane->opening == e || !lane->opening) /* the entry may be the one that was let through */
        open_gate(lane);
    if (--lane->count > 0)
        return;
    sse_timer_stop(&lane->timer);
    *lane->link = lane->next;
    if (lane->next)
        lane->next->link = lane->link;
    free(lane);
}

/* --- waiting ---------------------------------------------------------------------------------- */

bool sse_lane_must_wait(sse_multi_entry *e)
{
    sse_lane *lane = e->lane;

    if (lane->serial)
        return false;
    if (lane->opening) {
        sse_entry_queue_put(&lane->waiting, e);
        return true;
    }
    lane->opening = e;
    return false;
}

void sse_lane_on_connection(sse_multi_entry *e, bool http2, bool fresh)
{
    sse_lane *lane = e->lane;

    lane->serial = !http2;
    if (lane->opening != e && !lane->serial)
        return;
    if (!lane->serial && fresh && lane->waiting.first &&
        !sse_timer_start(&lane->timer, SSE_LANE_WAIT, false))
        return;
    open_gate(lane);
}

void sse_lane_on_head(sse_multi_entry *e, bool http2)
{
    sse_lane *lane = e->lane;

    lane->serial = !http2;
    if (lane->opening == e || lane->serial)
        open_gate(lane);
}
