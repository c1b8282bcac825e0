/* bodies.h: the bound on what all requests of a server hold together, from their first byte until
 * they are dropped: heads, bodies, and pipelined requests. Past max_bodies the newest bodies that
 * are still incoming are refused. */
#ifndef SSE_HTTP_BODIES_H
#define SSE_HTTP_BODIES_H

#include "exchange.h"

/* The text of the 503. */
#define SSE_BODIES_FULL "too many request bodies at a time (max_bodies)"

/* A body that is incoming. Embedded in what the protocol reads a request into. Begins zeroed. */
typedef struct sse_incoming_body {
    struct sse_incoming_body *next, **link; /* context->incoming_bodies; link NULL: not in it */
    void *owner;
    void (*refuse)(void *owner); /* sends 503; calls sse_incoming_body_end */
} sse_incoming_body;

#define SSE_SMALL_HEAD ((size_t)4 << 10) /* bytes of a usual head, with its table of fields */

/* Counts a new request towards max_bodies, until its exchange drops it. SSE_EFULL: it is past
 * max_bodies, and to be refused. A request without a body (`no_body`) is refused only with a large
 * head. */
int sse_bodies_count_request(sse_context *context, sse_request *request, bool no_body);

/* A body begins: from now on the end of a turn may call refuse(owner). */
void sse_incoming_body_begin(sse_context *context, sse_incoming_body *b, void *owner,
                             void (*refuse)(void *owner));

/* A body is complete or refused. Does nothing where it never began, or has ended. */
void sse_incoming_body_end(sse_incoming_body *b);

/* Appends to the body of an incoming request. SSE_EFULL: the requests are past max_bodies, and this
 * body is the newest or they are far past, so it is to be refused. SSE_ETOOBIG: past max_body_size;
 * SSE_ENOMEM. */
int sse_incoming_body_append(sse_context *context, sse_incoming_body *b, sse_request *request,
                             sse_slice bytes);

/* Whether requests hold more than max_bodies. */
static inline bool sse_bodies_full(const sse_context *context)
{
    return context->count.bodies > context->limits.max_bodies;
}

/* For the end of the turn: refuses the newest bodies until the requests hold no more than
 * max_bodies. */
void sse_bodies_refuse_newest(sse_context *context);

#endif
