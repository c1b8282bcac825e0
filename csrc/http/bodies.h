/* bodies.h: what the requests of a server hold together, while they arrive and while they are
 * answered: heads, bodies, and what is pipelined behind them. Past limits.max_bodies the newest
 * body that still arrives is refused. */
#ifndef SSE_HTTP_BODIES_H
#define SSE_HTTP_BODIES_H

#include "exchange.h"

/* Why a request is refused with 503. */
#define SSE_BODIES_FULL "too many request bodies at a time (max_bodies)"

/* A body that arrives. It lies within what its protocol reads into. */
typedef struct sse_incoming_body {
    struct sse_incoming_body *next, **link; /* context->incoming_bodies, newest first; link NULL:
                                               not there */
    void *owner;
    void (*refuse)(void *owner); /* answers 503; calls sse_incoming_body_end */
} sse_incoming_body;

#define SSE_SMALL_HEAD ((size_t)4 << 10) /* bytes of a head, with the places of its fields */

/* A new request counts, until its exchange drops it. `last`: it has no body. SSE_EFULL: it is to be
 * refused, for there are too many; not so where it has no body and a head of the usual size. */
int sse_request_count(sse_context *context, sse_request *request, bool last);

/* From now on it may be refused, at the end of a turn. */
void sse_incoming_body_begin(sse_context *context, sse_incoming_body *a, void *owner,
                             void (*refuse)(void *owner));

/* It is whole, or given up. Harmless where it never began. */
void sse_incoming_body_end(sse_incoming_body *a);

/* Appends to the body of a request that arrives. SSE_EFULL: it is the newest of too many, or they
 * hold much more than they may. SSE_ETOOBIG, SSE_ENOMEM. */
int sse_incoming_body_append(sse_context *context, sse_incoming_body *a, sse_request *request,
                             sse_slice bytes);

/* Whether requests hold more than they may. */
static inline bool sse_bodies_full(const sse_context *context)
{
    return context->count.bodies > context->limits.max_bodies;
}

/* The end of a turn: refuses the newest bodies until the others have room. */
void sse_bodies_refuse_newest(sse_context *context);

#endif
