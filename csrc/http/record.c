#include "record.h"

#include <stdlib.h>

/* --- the life of a record --------------------------------------------------------------------- */

void sse_record_make(const sse_context *context, sse_request *request)
{
    sse_record *r = request->record ? NULL : calloc(1, sizeof *r);

    if (!r)
        return;
    r->began = sse_loop_now_us(context->loop);
    r->time = time(NULL);
    request->record = r;
}

void sse_record_complete(sse_context *context, sse_request *request)
{
    sse_record *r = request->record;

    r->us = sse_loop_now_us(context->loop) - r->began;
    r->next = NULL;
    *context->recorded_tail = request;
    context->recorded_tail = &r->next;
    sse_context_wake(context);
}

void sse_record_lose(sse_record *r, size_t bytes, sse_reason reason)
{
    r->bytes -= bytes < r->bytes ? bytes : r->bytes;
    if (bytes > 0 && r->reason == SSE_END_FINISHED)
        r->reason = (uint8_t)reason;
}

void sse_record_await(sse_context *context, sse_request *request, sse_queue *queue)
{
    sse_request *before = queue->ring ? queue->ring->record : request;

    if (queue->ring)
        queue->ring->record = request;
    if (before)
        sse_record_complete(context, before);
}

void sse_record_cut(sse_context *context, sse_queue *queue, sse_reason reason)
{
    sse_request *request = queue->ring ? queue->ring->record : NULL;

    if (!request)
        return;
    queue->ring->record = NULL;
    sse_record_lose(request->record, sse_queue_bytes(queue), reason);
    sse_record_complete(context, request);
}

void sse_record_report(sse_context *context)
{
    sse_request **last = context->recorded_tail;
    bool over = false;

    while (context->recorded && !over) {
        sse_request *request = context->recorded;

        over = &request->record->next == last; /* further ones wait for the next turn */
        context->recorded = request->record->next;
        if (!context->recorded)
            context->recorded_tail = &context->recorded;
        context->on_recorded(context->user, request);
        sse_request_unref(request);
        over = over || sse_loop_slice_over(context->loop, sse_loop_now_us(context->loop));
    }
    if (context->recorded)
        sse_context_wake(context);
}
