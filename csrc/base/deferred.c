#include "deferred.h"

#include "clock.h"

/* --- the queues ------------------------------------------------------------------------------- */

static sse_deferrals *deferrals(sse_loop *loop)
{
    return (sse_deferrals *)loop;
}

void sse_deferred_init(sse_deferred *d, void (*call)(void *arg), void *arg)
{
    *d = (sse_deferred){ .call = call, .arg = arg };
}

static void append(sse_deferred_queue *queue, sse_deferred *d)
{
    d->next = NULL;
    d->link = queue->tail;
    *queue->tail = d;
    queue->tail = &d->next;
}

/* A call is in one of the queues; the last one of a queue is told by the queue's tail. */
static void take_out(sse_loop *loop, sse_deferred *d)
{
    *d->link = d->next;
    if (d->next)
        d->next->link = d->link;
    else if (deferrals(loop)->calls.tail == &d->next)
        deferrals(loop)->calls.tail = d->link;
    else if (deferrals(loop)->first.tail == &d->next)
        deferrals(loop)->first.tail = d->link;
    else
        deferrals(loop)->work.tail = d->link;
    d->link = NULL;
}

static void defer(sse_loop *loop, sse_deferred_queue *queue, sse_deferred *d)
{
    if (d->link)
        return;
    append(queue, d);
    deferrals(loop)->refs++;
}

void sse_loop_defer_first(sse_loop *loop, sse_deferred *d)
{
    defer(loop, &deferrals(loop)->first, d);
}

void sse_loop_defer(sse_loop *loop, sse_deferred *d)
{
    defer(loop, &deferrals(loop)->calls, d);
}

void sse_loop_defer_work(sse_loop *loop, sse_deferred *d)
{
    defer(loop, &deferrals(loop)->work, d);
}

void sse_loop_undefer(sse_loop *loop, sse_deferred *d)
{
    if (!d->link)
        return;
    take_out(loop, d);
    deferrals(loop)->refs--;
}

bool sse_loop_kept(sse_loop *loop)
{
    return deferrals(loop)->refs > 0;
}

void sse_loop_ref(sse_loop *loop)
{
    deferrals(loop)->refs++;
}

void sse_loop_unref(sse_loop *loop)
{
    deferrals(loop)->refs--;
}

void sse_deferred_queues_init(sse_loop *loop)
{
    deferrals(loop)->first.tail = &deferrals(loop)->first.head;
    deferrals(loop)->calls.tail = &deferrals(loop)->calls.head;
    deferrals(loop)->work.tail = &deferrals(loop)->work.head;
    deferrals(loop)->slice_us = SSE_LOOP_SLICE_US;
}

void sse_deferred_queues_clear(sse_loop *loop)
{
    while (deferrals(loop)->first.head)
        sse_loop_undefer(loop, deferrals(loop)->first.head);
    while (deferrals(loop)->calls.head)
        sse_loop_undefer(loop, deferrals(loop)->calls.head);
    while (deferrals(loop)->work.head)
        sse_loop_undefer(loop, deferrals(loop)->work.head);
}

/* --- slices ----------------------------------------------------------------------------------- */

void sse_slice_begin(sse_loop *loop)
{
    deferrals(loop)->slice_start = sse_clock_us();
}

void sse_slice_begin_later(sse_loop *loop)
{
    deferrals(loop)->slice_start = 0;
}

bool sse_loop_slice_over(sse_loop *loop, uint64_t now_us)
{
    if (deferrals(loop)->slice_start == 0)
        deferrals(loop)->slice_start = now_us;
    return now_us - deferrals(loop)->slice_start > deferrals(loop)->slice_us;
}

/* --- running ---------------------------------------------------------------------------------- */

/* Runs the calls that were queued before, until `sliced` ends that: at least one. */
static void run_queued(sse_loop *loop, sse_deferred_queue *queue, bool sliced)
{
    bool over = false;

    append(queue, &queue->mark);
    while (queue->head != &queue->mark && !deferrals(loop)->stopping && !over) {
        sse_deferred *d = queue->head;

        sse_loop_undefer(loop, d);
        d->call(d->arg);
        over = sliced && sse_loop_slice_over(loop, sse_clock_us());
    }
    take_out(loop, &queue->mark);
}

void sse_deferred_run(sse_loop *loop, sse_deferred_queue *queue)
{
    if (!queue->head)
        return;
    sse_slice_begin(loop);
    run_queued(loop, queue, true);
}

void sse_deferred_run_first(sse_loop *loop)
{
    if (deferrals(loop)->first.head)
        run_queued(loop, &deferrals(loop)->first, false);
}
