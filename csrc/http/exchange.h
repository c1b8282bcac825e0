/* exchange.h: one request and its response, whatever protocol carries them.
 *
 * An exchange is open until it is answered; started while a streamed response is sent; then ended:
 * finished, or closed for another reason. An ended exchange is still valid: on_end is called for it
 * from the loop, once, never inside a call that the owner makes, and when on_end returns the
 * exchange is freed. */
#ifndef SSE_HTTP_EXCHANGE_H
#define SSE_HTTP_EXCHANGE_H

#include "exchange_types.h"

/* No callbacks: those of a new exchange. */
extern const sse_exchange_events sse_exchange_no_events;

/* Drops the request. Who holds a reference to it keeps the head, but no longer the body. Where the
 * response is recorded, the exchange keeps the head to its end. */
void sse_exchange_drop_request(sse_exchange *x);

/* --- for the transport --- */

/* A new open exchange, which owns the caller's reference to the request. NULL: out of memory; the
 * request stays the caller's. */
sse_exchange *sse_exchange_new(sse_context *context, const sse_transport *transport, void *session,
                               sse_request *request);

/* Counts the exchange, until it has ended, by the entry that sse_visitor_enter gave. NULL: it is
 * not counted. */
void sse_exchange_count(sse_exchange *x, void *entry);

/* Ends an exchange. Does nothing for one that has ended. */
void sse_exchange_end(sse_exchange *x, sse_reason reason);

/* For the end of the turn: calls on_end of each exchange that has ended, oldest first, and frees
 * it. What ends meanwhile waits for the next turn. */
void sse_exchange_report_ended(sse_context *context);

/* Calls on_shutdown, unless the exchange has ended. */
void sse_exchange_notify_shutdown(sse_exchange *x);

/* Calls fn(arg, x) for each exchange of the context that has not ended, in no order. fn may end
 * nothing. */
void sse_exchange_each(sse_context *context, void (*fn)(void *arg, sse_exchange *x), void *arg);

/* --- responding --- */

/* Sends a whole response, which ends the exchange (SSE_END_FINISHED). SSE_EINVAL: a bad field, *bad
 * is its index; SSE_ETOOBIG: too many fields, or too long; SSE_ESTATE: a response was begun before;
 * SSE_ECLOSED; SSE_ENOMEM. SSE_EFULL: the context is full, and a 503 was sent instead. */
int sse_exchange_reply(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                       sse_slice body, size_t *bad);

/* Sends the head of a streamed response. Errors as sse_exchange_reply, without SSE_EFULL. */
int sse_exchange_start(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                       size_t *bad);

/* Sends the head of a streamed response whose body must come to exactly `length` bytes. Errors as
 * sse_exchange_reply. */
int sse_exchange_start_sized(sse_exchange *x, int status, const sse_http1_field *fields,
                             size_t count, uint64_t length, size_t *bad);

/* Whether `bytes` more of a streamed body would be taken now: SSE_OK, or the error that
 * sse_exchange_send would return. Where they would not, tries to write first. */
int sse_exchange_check_room(sse_exchange *x, size_t bytes, size_t max);

/* Sends a piece of a streamed body, all of it or nothing. SSE_EFULL: `max` bytes are queued and the
 * client takes none, or the context is so full that the connection's share counts; SSE_ETOOBIG: the
 * frame alone is larger than `max`, or than what is left of a sized body; SSE_ECLOSED, SSE_ESTATE,
 * SSE_ENOMEM. */
int sse_exchange_send(sse_exchange *x, sse_frame *frame, size_t max);

/* Sends a piece of a streamed body to a client that keeps up: HTTP/1 writes it to the socket at
 * once, HTTP/2 queues it for the next flush. SSE_OK: the socket took all of it; in HTTP/2,
 * the socket is not full and the flow-control windows have room for all that is queued. SSE_EAGAIN:
 * the piece was taken, but the client is behind, and on_drain is called when it is not.
 * SSE_ECLOSED, SSE_ENOMEM: not taken. Calls no callback, and ends nothing: what breaks meanwhile is
 * reported at the end of the turn. */
int sse_exchange_push(sse_exchange *x, sse_frame *frame);

/* Finishes a streamed response. One that is shorter than its length is aborted instead. Does
 * nothing unless the response is started, nor where it is lost: the end of the turn ends it, with
 * the reason of that. */
void sse_exchange_finish(sse_exchange *x, sse_reason reason);

/* Finishes a streamed response with a last frame (or NULL). A client that has not taken all of it
 * in `ms` is closed; 0: write_timeout rules. Does nothing where sse_exchange_finish does not. */
void sse_exchange_finish_within(sse_exchange *x, sse_frame *last, uint64_t ms, sse_reason reason);

/* Ends the exchange by breaking the connection or resetting the HTTP/2 stream, so that the client
 * sees an incomplete response. While no byte of a started response is written, the client gets a
 * 500 instead. Does nothing for an exchange that has ended. */
void sse_exchange_abort(sse_exchange *x, sse_reason reason);

/* Bytes that are queued; where there are any, on_drain follows. */
size_t sse_exchange_pending(const sse_exchange *x);

static inline bool sse_exchange_ended(const sse_exchange *x)
{
    return x->state >= SSE_EXCHANGE_FINISHED;
}

/* Whether the connection or the HTTP/2 stream is lost although the exchange has not ended: the end
 * of the turn ends it. What is sent meanwhile is refused (SSE_ECLOSED). */
static inline bool sse_exchange_lost(const sse_exchange *x)
{
    return x->session && x->transport->lost(x);
}

/* The connection's TLS. NULL: the connection is plain, or the exchange has ended. */
sse_tls *sse_exchange_tls(const sse_exchange *x);

#endif
