#include "response.h"

#include "../http/own_response.h"
#include "../http/recording.h"
#include "../http/response_fields.h"
#include "../wire/http1_response.h"
#include "response_head.h"

/* Queues a frame and drops the caller's reference to it. NULL: SSE_ENOMEM. */
static int send_and_unref(sse_http1_session *s, sse_frame *frame)
{
    int code = frame ? sse_connection_send(s->connection, frame) : SSE_ENOMEM;

    sse_frame_unref(frame);
    return code;
}

/* --- responses of the session's own -------------------------------------- */

/* Sends a response of the server's own, to a HEAD request without its body, which then is emptied.
 * Drops the reader, and finishes the connection. */
static void send_own(sse_http1_session *s, sse_own_response *own, bool to_head)
{
    sse_http1_response_head head = { .minor = 1,
                                     .status = own->status,
                                     .length = (int64_t)own->body.len };
    sse_frame *frame = NULL;

    s->keep_alive = s->chunked = false;
    sse_connection_set_deadline(s->connection, 0);
    head.date = sse_context_date(s->connection->context);
    sse_http1_build_head(&head, own->fields, own->count, NULL, &frame);
    if (to_head)
        own->body.len = 0;
    if (send_and_unref(s, frame) == SSE_OK && !to_head)
        send_and_unref(s, sse_frame_raw(own->body));
    sse_http1_drop_reader(s);
    sse_connection_set_reading(s->connection, false); /* on again once the connection lingers */
    sse_connection_finish(s->connection);
}

/* Sends a response of the server's own to the request that the reader holds, if it holds one. */
static void refuse_with(sse_http1_session *s, sse_request *request, sse_own_response *own)
{
    if (request)
        sse_request_ref(request); /* send_own drops the reader */
    send_own(s, own, request && sse_slice_is(request->method, "HEAD"));
    sse_recording_refusal(s->connection, request, own->status, own->body.len, &s->connection->out);
    sse_request_unref(request);
}

void sse_http1_refuse(sse_http1_session *s, int status, const char *reason)
{
    sse_own_response own;

    sse_own_error(&own, status, reason);
    refuse_with(s, s->reader ? s->reader->request : NULL, &own);
}

void sse_http1_refuse_connection(sse_http1_session *s)
{
    sse_own_response own;

    sse_own_refusal(&own, s->connection->context, s->reader->request);
    refuse_with(s, s->reader->request, &own);
}

void sse_http1_reject(sse_http1_session *s, int status, const char *reason)
{
    s->connection->context->count.rejected[status - 400]++;
    sse_http1_refuse(s, status, reason);
}

void sse_http1_send_continue(sse_http1_session *s)
{
    if (!s->expect_continue)
        return;
    s->expect_continue = false;
    send_and_unref(s, sse_frame_raw(SSE_SLICE("HTTP/1.1 100 Continue\r\n\r\n")));
}

/* --- responses of exchanges ---------------------------------------------- */

/* Chooses how the body is delimited (RFC 9112 section 6): by Content-Length, by chunks, or by the
 * end of the connection. */
static void choose_framing(sse_http1_session *s, sse_exchange *x, int status, int64_t length)
{
    if (!sse_response_has_body(status))
        x->head_only = true;
    s->chunked = length < 0 && x->request->minor > 0 && sse_response_has_body(status);
    s->connection->out.payload_only = !s->chunked;
    if (length < 0 && !s->chunked && !x->head_only)
        s->keep_alive = false;
}

static int start_response(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                          int64_t length, size_t *bad)
{
    sse_http1_session *s = x->session;
    bool keep_alive = s->keep_alive, head_only = x->head_only;
    sse_http1_response_head head = { .minor = x->request->minor,
                                     .status = status,
                                     .length = length };
    sse_frame *frame = NULL;
    int code = SSE_OK;

    if (sse_connection_ended(s->connection))
        return SSE_ECLOSED;
    choose_framing(s, x, status, length);
    s->connection->nothing_sent = sse_connection_pending(s->connection) == 0;
    head.date = sse_context_date(x->context);
    head.chunked = s->chunked;
    head.keep_alive = s->keep_alive;
    code = sse_http1_build_head(&head, fields, count, bad, &frame);
    if (!code)
        code = send_and_unref(s, frame);
    if (!code && x->long_lived)
        sse_connection_watch_edges(s->connection);
    if (code) { /* nothing was sent: the exchange is as before the call */
        s->keep_alive = keep_alive;
        x->head_only = head_only;
        s->chunked = false;
    }
    return code;
}

static int send_frame(sse_exchange *x, sse_frame *frame)
{
    sse_http1_session *s = x->session;

    return s ? sse_connection_send(s->connection, frame) : SSE_ECLOSED;
}

static int push_frame(sse_exchange *x, sse_frame *frame)
{
    sse_http1_session *s = x->session;

    return sse_connection_push(s->connection, frame);
}

static void set_final_deadline(sse_exchange *x, uint64_t ms)
{
    sse_http1_session *s = x->session;

    s->keep_alive = false;
    sse_connection_set_final_deadline(s->connection, ms);
}

/* The response is whole, or the connection is closed where it can't be made so. The next request is
 * served once the last byte was written, from on_drained. */
static void finish_response(sse_exchange *x)
{
    sse_http1_session *s = x->session;

    if (!s)
        return;
    s->exchange = NULL;
    if (s->chunked && !x->head_only && send_and_unref(s, sse_frame_raw(SSE_SLICE("0\r\n\r\n"))))
        sse_connection_close(s->connection, SSE_END_ERROR);
    s->chunked = false;
    sse_connection_flush(s->connection, false);
    if (!s->keep_alive || (s->connection->eof && sse_http1_buffered(s) == 0))
        sse_connection_finish(s->connection);
}

static void flush_response(sse_exchange *x, bool again)
{
    sse_http1_session *s = x->session;

    if (s)
        sse_connection_flush(s->connection, again);
}

static size_t pending_bytes(const sse_exchange *x)
{
    const sse_http1_session *s = x->session;

    return sse_connection_pending(s->connection);
}

static sse_queue *queue_of(const sse_exchange *x)
{
    const sse_http1_session *s = x->session;

    return &s->connection->out;
}

static sse_connection *connection_of(const sse_exchange *x)
{
    const sse_http1_session *s = x->session;

    return s->connection;
}

/* One request at a time is answered, and a connection that is counted itself has no proxy behind
 * it that names clients. */
static void **address_of(const sse_exchange *x)
{
    return &connection_of(x)->address;
}

/* If no byte of a started response has been written, the client gets a 500 instead. Otherwise what
 * is queued is written and the connection ends, by a reset where its end is what delimits the body:
 * the client must not take the part for the whole. */
static void abort_response(sse_exchange *x)
{
    sse_http1_session *s = x->session;
    bool started = x->state == SSE_EXCHANGE_STARTED;
    sse_own_response own;

    if (!s)
        return;
    s->exchange = NULL;
    if (started && s->connection->nothing_sent && !x->head_only &&
        !sse_connection_ended(s->connection)) {
        sse_connection_drop_pending(s->connection);
        s->connection->out.payload_only = false;
        x->context->count.rejected[500 - 400]++;
        sse_own_error(&own, 500, "the answer broke off");
        send_own(s, &own, false);
        sse_recording_replace(x, 500, own.body.len, &s->connection->out);
        return;
    }
    sse_connection_flush(s->connection, false);
    if (started && s->connection->out.payload_only && !x->sized)
        sse_connection_reset(s->connection, SSE_END_SERVER);
    else
        sse_connection_close(s->connection, SSE_END_SERVER);
}

static bool is_lost(const sse_exchange *x)
{
    const sse_http1_session *s = x->session;

    return sse_connection_ended(s->connection);
}

const sse_transport sse_http1_transport = {
    .start = start_response,
    .send = send_frame,
    .push = push_frame,
    .finish = finish_response,
    .set_final_deadline = set_final_deadline,
    .abort = abort_response,
    .flush = flush_response,
    .pending = pending_bytes,
    .queued = pending_bytes,
    .queue = queue_of,
    .connection = connection_of,
    .address = address_of,
    .lost = is_lost,
};
