#include "exchange.h"

#include "recording.h"
#include "response_fields.h"

/* With more bytes queued than this a send writes at once instead of at the end of the turn, so that
 * a handler that sends in a loop learns when the socket is full. */
#define FLUSH_AT ((size_t)64 << 10)

#define SMALL      512 /* bytes of a body that costs no more than the 503 in its place */
#define LARGE_PART 16  /* a sixteenth of max_pending_total is a large part for one connection */

const sse_exchange_events sse_exchange_no_events = { 0 };

/* --- a new exchange, and its end ---------------------------------------- */

static bool is_recorded(const sse_exchange *x)
{
    return x->transport == &sse_recording_transport;
}

void sse_exchange_drop_request(sse_exchange *x)
{
    if (x->request)
        sse_request_drop_body(x->request);
    if (is_recorded(x) && !sse_exchange_ended(x))
        return;
    sse_request_unref(x->request);
    x->request = NULL;
}

/* Takes the exchange out that ended first. */
static sse_exchange *take_ended(sse_context *context)
{
    sse_exchange *x = context->ended;

    context->ended = x->next;
    if (!x->next)
        context->ended_tail = &context->ended;
    return x;
}

void sse_exchange_report_ended(sse_context *context)
{
    sse_exchange **last = context->ended_tail;
    bool over = false;

    while (context->ended && !over) {
        sse_exchange *x = take_ended(context);

        over = &x->next == last; /* those that end from now on wait for the next turn */
        if (x->on->on_end)
            x->on->on_end(x->user, (sse_reason)x->reason);
        sse_exchange_drop_request(x);
        sse_slab_free(&context->exchanges, x);
        over = over || sse_loop_slice_over(context->loop, sse_loop_now_us(context->loop));
    }
    if (context->ended)
        sse_context_wake(context);
}

sse_exchange *sse_exchange_new(sse_context *context, const sse_transport *transport, void *session,
                               sse_request *request)
{
    sse_exchange *x = sse_slab_alloc(&context->exchanges, sizeof *x);

    if (!x)
        return NULL;
    x->on = &sse_exchange_no_events;
    x->context = context;
    x->transport = transport;
    x->session = session;
    x->request = request;
    x->head_only = sse_slice_is(request->method, "HEAD");
    if (request->record) {
        request->record->transport = transport;
        x->transport = &sse_recording_transport;
    }
    return x;
}

void sse_exchange_count(sse_exchange *x, void *entry)
{
    if (!entry)
        return;
    *x->transport->address(x) = entry;
    x->counted = true;
}

static void stop_counting(sse_exchange *x)
{
    void **entry = x->transport->address(x);

    x->context->leave_address(x->context->user, *entry);
    *entry = NULL;
    x->counted = false;
}

void sse_exchange_end(sse_exchange *x, sse_reason reason)
{
    if (sse_exchange_ended(x))
        return;
    x->state = reason == SSE_END_FINISHED ? SSE_EXCHANGE_FINISHED : SSE_EXCHANGE_CLOSED;
    x->reason = (uint8_t)reason;
    if (x->counted)
        stop_counting(x);
    if (is_recorded(x))
        sse_recording_end(x, reason);
    x->session = NULL;
    if (x->on->on_end_marked)
        x->on->on_end_marked(x->user);
    x->sized = false;
    x->next = NULL;
    *x->context->ended_tail = x;
    x->context->ended_tail = &x->next;
    sse_context_wake(x->context);
}

/* --- responding ---------------------------------------------------------- */

static int start(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                 int64_t length, size_t *bad)
{
    if (x->state != SSE_EXCHANGE_OPEN)
        return x->state == SSE_EXCHANGE_CLOSED ? SSE_ECLOSED : SSE_ESTATE;
    return x->transport->start(x, status, fields, count, length, bad);
}

/* Whether a 503 goes out in place of a response with `length` bytes of body, of which `at_once` are
 * queued at once. */
static bool has_no_room(const sse_exchange *x, uint64_t length, uint64_t at_once)
{
    return x->state == SSE_EXCHANGE_OPEN && length > SMALL && !x->head_only &&
           (sse_context_full(x->context) || at_once > x->context->limits.max_pending_total);
}

/* Sends the 503. Returns SSE_EFULL where that worked. */
static int reply_full(sse_exchange *x)
{
    static const char text[] = "503 Service Unavailable: too much waits for clients that are slow "
                               "(max_pending_total)\n";
    char seconds[8];
    sse_http1_field fields[] = { sse_response_text_field("Content-Type",
                                                         "text/plain; charset=utf-8"),
                                 sse_response_retry_after(seconds) };
    int code = sse_exchange_reply(x, 503, fields, 2, sse_slice_text(text), NULL);

    if (code)
        return code;
    x->context->count.rejected[503 - 400]++;
    sse_context_wake(x->context); /* to end the clients that are furthest behind */
    return SSE_EFULL;
}

int sse_exchange_reply(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                       sse_slice body, size_t *bad)
{
    sse_frame *frame = NULL;
    int code = SSE_OK;

    if (has_no_room(x, body.len, body.len))
        return reply_full(x);
    if (body.len > 0) {
        frame = sse_frame_raw(body);
        if (!frame)
            return SSE_ENOMEM;
    }
    code = start(x, status, fields, count, (int64_t)body.len, bad);
    if (code)
        goto done;
    if (frame && !x->head_only)
        code = x->transport->send(x, frame);
    if (code) {
        sse_exchange_abort(x, SSE_END_ERROR); /* the head promised a body */
        goto done;
    }
    x->transport->finish(x);
    sse_exchange_end(x, SSE_END_FINISHED);
done:
    sse_frame_unref(frame);
    return code;
}

int sse_exchange_start(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                       size_t *bad)
{
    int code = start(x, status, fields, count, -1, bad);

    if (!code)
        x->state = SSE_EXCHANGE_STARTED;
    return code;
}

int sse_exchange_start_sized(sse_exchange *x, int status, const sse_http1_field *fields,
                             size_t count, uint64_t length, size_t *bad)
{
    int code = SSE_OK;

    if (has_no_room(x, length, 0)) /* the body is queued piece by piece */
        return reply_full(x);
    code = start(x, status, fields, count, (int64_t)length, bad);
    if (code)
        return code;
    x->state = SSE_EXCHANGE_STARTED;
    x->sized = true;
    x->body_left = x->head_only ? 0 : length;
    return SSE_OK;
}

/* Whether the client is too far behind for `more` bytes: past `max`, or, while the context is half
 * full, where its connection holds more than its share. While the context is full, or would become
 * so by a connection with a large part of max_pending_total, sends to all clients that are behind
 * are refused; the end of the turn ends those that are furthest behind. */
static bool full(const sse_exchange *x, size_t more, size_t max)
{
    const sse_context *context = x->context;
    size_t pending = x->transport->pending(x), queued = 0, share = sse_context_share(context);

    if (pending == 0 || pending + more > max)
        return pending + more > max;
    if (!sse_context_half_full(context))
        return false;
    queued = x->transport->queued(x);
    return sse_context_full(context) || queued + more > (max > share ? max : share) ||
           (context->count.queued.held + more > context->limits.max_pending_total &&
            queued > context->limits.max_pending_total / LARGE_PART);
}

int sse_exchange_check_room(sse_exchange *x, size_t bytes, size_t max)
{
    if (x->state != SSE_EXCHANGE_STARTED)
        return x->state == SSE_EXCHANGE_OPEN ? SSE_ESTATE : SSE_ECLOSED;
    if (x->head_only)
        return SSE_OK;
    if (bytes > max) {
        x->context->count.sends_oversized++;
        return SSE_ETOOBIG;
    }
    if (!full(x, bytes, max))
        return SSE_OK;
    x->transport->flush(x, false);
    if (x->state != SSE_EXCHANGE_STARTED || !x->session)
        return SSE_ECLOSED;
    if (!full(x, bytes, max))
        return SSE_OK;
    x->context->count.sends_refused++;
    return SSE_EFULL;
}

int sse_exchange_send(sse_exchange *x, sse_frame *frame, size_t max)
{
    int code = sse_exchange_check_room(x, frame->payload, max);

    if (code || x->head_only)
        return code;
    if (x->sized && frame->payload > x->body_left)
        return SSE_ETOOBIG;
    code = x->transport->send(x, frame);
    if (!code && x->sized)
        x->body_left -= frame->payload;
    if (!code && (x->transport->pending(x) > FLUSH_AT || sse_context_full(x->context)))
        x->transport->flush(x, false);
    if (!code && sse_context_full(x->context))
        sse_context_wake(x->context);
    return code;
}

int sse_exchange_push(sse_exchange *x, sse_frame *frame)
{
    if (x->state != SSE_EXCHANGE_STARTED || !x->session)
        return SSE_ECLOSED;
    return x->head_only ? SSE_OK : x->transport->push(x, frame);
}

void sse_exchange_finish_within(sse_exchange *x, sse_frame *last, uint64_t ms, sse_reason reason)
{
    if (x->state != SSE_EXCHANGE_STARTED || sse_exchange_lost(x))
        return;
    if (last && x->session && !x->head_only)
        x->transport->send(x, last);
    if (ms)
        x->transport->set_final_deadline(x, ms);
    x->transport->finish(x);
    sse_exchange_end(x, reason);
}

void sse_exchange_notify_shutdown(sse_exchange *x)
{
    if (!sse_exchange_ended(x) && x->on->on_shutdown)
        x->on->on_shutdown(x->user);
}

void sse_exchange_each(sse_context *context, void (*fn)(void *arg, sse_exchange *x), void *arg)
{
    for (sse_connection *c = context->open; c; c = c->next)
        if (c->protocol->each_exchange)
            c->protocol->each_exchange(c, fn, arg);
}

void sse_exchange_finish(sse_exchange *x, sse_reason reason)
{
    if (x->state != SSE_EXCHANGE_STARTED || sse_exchange_lost(x))
        return;
    if (x->sized && x->body_left > 0) {
        sse_exchange_abort(x, SSE_END_ERROR);
        return;
    }
    x->transport->finish(x);
    sse_exchange_end(x, reason);
}

void sse_exchange_abort(sse_exchange *x, sse_reason reason)
{
    if (sse_exchange_ended(x))
        return;
    x->transport->abort(x);
    sse_exchange_end(x, reason);
}

size_t sse_exchange_pending(const sse_exchange *x)
{
    return x->session ? x->transport->pending(x) : 0;
}

sse_tls *sse_exchange_tls(const sse_exchange *x)
{
    return x->session ? x->transport->connection(x)->tls : NULL;
}
