/* record.h: what a server tells of each response when it has ended: server.on_response and the
 * access log.
 *
 * A record belongs to its request, and is made only while the context records. It is complete when
 * the last byte of the response has left the response's queue (HTTP/1: the socket has it; HTTP/2:
 * it is in a DATA frame of the connection's), or when it is known that the rest will not. The end
 * of the turn reports it. */
#ifndef SSE_HTTP_RECORD_H
#define SSE_HTTP_RECORD_H

#include <time.h>

#include "context.h"
#include "request.h"

struct sse_transport;

typedef struct sse_record {
    sse_request *next;                     /* context->recorded, once it is complete */
    const struct sse_transport *transport; /* the protocol's; NULL: there is no exchange */
    uint64_t began;                        /* us of sse_loop_now_us: the request's head was whole */
    uint64_t us;                           /* from `began` to the end */
    uint64_t bytes;                        /* of body, which left the queue */
    time_t time;                           /* of `began` */
    int status;                            /* that was sent; 0: none */
    int owner;      /* the program's object for the request, for context->on_recorded; 0: none */
    uint8_t reason; /* sse_reason */
} sse_record;

/* Makes the record of the response to a request whose head is whole. Without memory there is
 * none. */
void sse_record_make(const sse_context *context, sse_request *request);

/* The same, if the context records. */
static inline void sse_record_begin(const sse_context *context, sse_request *request)
{
    if (context->recording)
        sse_record_make(context, request);
}

/* The response has ended, and what is left of it is in the queue. Completes the record when the
 * queue is written or dropped, at once where it is empty. Takes the caller's reference. */
void sse_record_await(sse_context *context, sse_request *request, sse_queue *queue);

/* Completes the record: it is reported at the end of the turn. Takes the caller's reference. Also
 * for who has emptied a queue whose ring had the request as its `record`. */
void sse_record_complete(sse_context *context, sse_request *request);

/* `bytes` of the response are lost. `reason`: why, unless the response ended for another one. */
void sse_record_lose(sse_record *r, size_t bytes, sse_reason reason);

/* The queue is about to be dropped: completes the record that waits for it, if one does. */
void sse_record_cut(sse_context *context, sse_queue *queue, sse_reason reason);

/* For the end of the turn: calls context->on_recorded for each complete record, oldest first. */
void sse_record_report(sse_context *context);

#endif
