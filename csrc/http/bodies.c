#include "bodies.h"

#include "../wire/error.h"

#define SLACK ((size_t)256 << 10) /* beside an eighth: how far past max_bodies one turn may go */

int sse_bodies_count_request(sse_context *context, sse_request *request, bool no_body)
{
    request->counter = &context->count.bodies;
    context->count.bodies += request->memory;
    return sse_bodies_full(context) && (!no_body || request->memory > SSE_SMALL_HEAD) ? SSE_EFULL
                                                                                      : SSE_OK;
}

void sse_incoming_body_begin(sse_context *context, sse_incoming_body *b, void *owner,
                             void (*refuse)(void *owner))
{
    b->owner = owner;
    b->refuse = refuse;
    b->next = context->incoming_bodies;
    b->link = &context->incoming_bodies;
    if (b->next)
        b->next->link = &b->next;
    context->incoming_bodies = b;
}

void sse_incoming_body_end(sse_incoming_body *b)
{
    if (!b->link)
        return;
    *b->link = b->next;
    if (b->next)
        b->next->link = b->link;
    b->link = NULL;
}

int sse_incoming_body_append(sse_context *context, sse_incoming_body *b, sse_request *request,
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
    if (context->incoming_bodies == b || context->count.bodies - most > most / 8 + SLACK)
        return SSE_EFULL;
    sse_context_wake(context); /* to refuse another body, which must not happen within a read */
    return SSE_OK;
}

void sse_bodies_refuse_newest(sse_context *context)
{
    while (sse_bodies_full(context) && context->incoming_bodies)
        context->incoming_bodies->refuse(context->incoming_bodies->owner);
}
