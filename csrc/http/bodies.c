#include "bodies.h"

#include "../wire/error.h"

#define SLACK ((size_t)256 << 10) /* and an eighth: what may be read too much within a turn */

int sse_request_count(sse_context *context, sse_request *request, bool last)
{
    request->counter = &context->count.bodies;
    context->count.bodies += request->memory;
    return sse_bodies_full(context) && (!last || request->memory > SSE_SMALL_HEAD) ? SSE_EFULL
                                                                                   : SSE_OK;
}

void sse_incoming_body_begin(sse_context *context, sse_incoming_body *a, void *owner,
                             void (*refuse)(void *owner))
{
    a->owner = owner;
    a->refuse = refuse;
    a->next = context->incoming_bodies;
    a->link = &context->incoming_bodies;
    if (a->next)
        a->next->link = &a->next;
    context->incoming_bodies = a;
}

void sse_incoming_body_end(sse_incoming_body *a)
{
    if (!a->link)
        return;
    *a->link = a->next;
    if (a->next)
        a->next->link = a->link;
    a->link = NULL;
}

int sse_incoming_body_append(sse_context *context, sse_incoming_body *a, sse_request *request,
                             sse_slice bytes)
{
    size_t before = request->body.cap, most = context->limits.max_bodies;
    int code = sse_buffer_append(&request->body, bytes.at, bytes.len);

    if (code)
        return code;
    request->memory += request->body.cap - before;
    context->count.bodies += request->body.cap - before;
    if (!sse_bodies_full(context))
        return SSE_OK;
    if (context->incoming_bodies == a || context->count.bodies - most > most / 8 + SLACK)
        return SSE_EFULL;
    sse_context_wake(context); /* another one is refused: not within its neighbour's read */
    return SSE_OK;
}

void sse_bodies_refuse_newest(sse_context *context)
{
    while (sse_bodies_full(context) && context->incoming_bodies)
        context->incoming_bodies->refuse(context->incoming_bodies->owner);
}
