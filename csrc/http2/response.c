#include "response.h"

#include <stdlib.h>

#include "../http/own_response.h"
#include "../http/recording.h"
#include "../http/response_fields.h"
#include "reader.h"
#include "schedule.h"
#include "stream.h"

/* Queues a part of the body. */
static int enqueue(sse_http2_stream *t, sse_frame *frame)
{
    sse_http2_session *s = t->session;
    int code = SSE_OK;

    if (t->reset || t->ended || s->failed || sse_connection_ended(s->connection) ||
        s->connection->finishing)
        return SSE_ECLOSED;
    code = sse_queue_push(&t->out, &sse_http2_context(s)->count.queued, frame, 0);
    if (code)
        return code;
    s->queued += frame->payload;
    return SSE_OK;
}

/* There is more to send on the stream: nghttp2 asks for it at the next flush. */
static void resume(sse_http2_stream *t)
{
    if (t->deferred) {
        t->deferred = false;
        if (nghttp2_session_resume_data(t->session->nghttp2, t->id))
            t->session->failed = true;
    }
    sse_http2_stream_set_pending(t);
    sse_http2_schedule_flush(t->session);
}

/* The head is submitted at the next flush. */
static void set_head(sse_http2_stream *t, sse_http2_response_head *head)
{
    t->head = head;
    sse_http2_stream_set_pending(t);
    sse_http2_schedule_flush(t->session);
}

static int start_response(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                          int64_t length, size_t *bad)
{
    sse_http2_stream *t = x->session;
    sse_http2_response_head *head = NULL;
    int code = SSE_OK;

    if (t->reset || t->ended || t->session->failed || sse_connection_ended(t->session->connection))
        return SSE_ECLOSED;
    code = sse_http2_response_head_new(sse_context_date(x->context), status, fields, count, length,
                                       bad, &head);
    if (code)
        return code;
    if (!sse_response_has_body(status))
        x->head_only = true;
    head->has_body = length < 0 || (length > 0 && !x->head_only);
    t->notify_drain = true;
    set_head(t, head);
    return SSE_OK;
}

static int send_frame(sse_exchange *x, sse_frame *frame)
{
    sse_http2_stream *t = x->session;
    int code = t ? enqueue(t, frame) : SSE_ECLOSED;

    if (code)
        return code;
    t->notify_drain = true;
    resume(t);
    return SSE_OK;
}

/* Whether more is queued than the flow-control windows or the socket take now. */
static bool is_behind(const sse_http2_stream *t)
{
    const sse_http2_session *s = t->session;
    int32_t stream = nghttp2_session_get_stream_remote_window_size(s->nghttp2, t->id);
    int32_t all = nghttp2_session_get_remote_window_size(s->nghttp2);

    return s->connection->stalled || all < 0 || s->queued > (size_t)all || stream < 0 ||
           sse_queue_bytes(&t->out) > (size_t)stream;
}

static int push_frame(sse_exchange *x, sse_frame *frame)
{
    sse_http2_stream *t = x->session;
    int code = enqueue(t, frame);

    if (code)
        return code;
    resume(t);
    if (!is_behind(t))
        return SSE_OK;
    t->notify_drain = true;
    return SSE_EAGAIN;
}

static void finish_response(sse_exchange *x)
{
    sse_http2_stream *t = x->session;

    if (!t)
        return;
    t->exchange = NULL;
    t->complete = true;
    if (!t->closed)
        resume(t);
}

static void set_final_deadline(sse_exchange *x, uint64_t ms)
{
    sse_http2_stream *t = x->session;

    if (!t || t->closed)
        return;
    t->deadline_final = true;
    t->deadline = sse_http2_now(t->session) + ms;
    sse_http2_schedule_timer(t->session, t->deadline);
}

/* Sends a response of the server's own; to a HEAD request without its body, which then is emptied.
 * False: the stream was reset instead. */
static bool send_own(sse_http2_stream *t, sse_own_response *own, bool to_head)
{
    sse_context *context = sse_http2_context(t->session);
    sse_http2_response_head *head = NULL;
    sse_frame *frame = NULL;
    bool failed = sse_http2_response_head_new(sse_context_date(context), own->status, own->fields,
                                              own->count, (int64_t)own->body.len, NULL, &head);

    if (to_head)
        own->body.len = 0;
    else if (!failed)
        failed = !(frame = sse_frame_raw(own->body)) || enqueue(t, frame);
    sse_frame_unref(frame);
    if (failed) {
        free(head);
        sse_http2_stream_reset(t, NGHTTP2_INTERNAL_ERROR);
        return false;
    }
    head->has_body = !to_head;
    t->complete = true;
    set_head(t, head);
    return true;
}

/* Whether the request that a reader has, maybe in part, is a HEAD. */
static bool reads_head_request(const sse_http2_reader *r)
{
    if (!r)
        return false;
    return sse_slice_is(r->request ? r->request->method : sse_buffer_slice(&r->method), "HEAD");
}

/* The request that a reader has, with a reference, or one of the head as far as it has arrived, if
 * that is recorded. May be NULL. */
static sse_request *request_of(const sse_http2_stream *t)
{
    const sse_http2_reader *r = t->reader;

    if (!r)
        return NULL;
    return r->request
               ? sse_request_ref(r->request)
               : sse_recording_unread(sse_http2_context(t->session), sse_buffer_slice(&r->method),
                                      sse_buffer_slice(&r->path), 2, 0);
}

void sse_http2_response_reject(sse_http2_stream *t, int status, const char *reason)
{
    sse_request *request = request_of(t);
    bool to_head = reads_head_request(t->reader);
    sse_own_response own;

    sse_http2_reader_free(t);
    if (!t->reset && !t->ended) {
        sse_own_error(&own, status, reason);
        sse_http2_context(t->session)->count.rejected[status - 400]++;
        if (send_own(t, &own, to_head))
            sse_recording_refusal(t->session->connection, request, status, own.body.len, &t->out);
    }
    sse_request_unref(request);
}

void sse_http2_response_refuse(sse_http2_stream *t)
{
    sse_http2_session *s = t->session;
    sse_request *request = sse_request_ref(t->reader->request);
    bool to_head = reads_head_request(t->reader);
    sse_own_response own;

    sse_own_refusal(&own, sse_http2_context(s), request);
    sse_http2_reader_free(t);
    if (send_own(t, &own, to_head))
        sse_recording_refusal(s->connection, request, own.status, own.body.len, &t->out);
    sse_request_unref(request);
}

/* If nothing of a started response was submitted to nghttp2, the client gets a 500 instead.
 * Otherwise the stream is reset, so that the client sees that it is not complete. */
static void abort_response(sse_exchange *x)
{
    sse_http2_stream *t = x->session;
    sse_own_response own;

    if (!t)
        return;
    t->exchange = NULL;
    if (t->closed)
        return;
    if (x->state == SSE_EXCHANGE_STARTED && t->head && !x->head_only) {
        sse_http2_stream_drop_response(t);
        sse_own_error(&own, 500, "the answer broke off");
        x->context->count.rejected[500 - 400]++;
        if (!send_own(t, &own, false))
            own.body.len = 0;
        sse_recording_replace(x, 500, own.body.len, &t->out);
    } else {
        sse_http2_stream_reset(t, NGHTTP2_INTERNAL_ERROR);
    }
}

static void flush_response(sse_exchange *x, bool again)
{
    sse_http2_stream *t = x->session;

    if (t)
        sse_connection_flush(t->session->connection, again);
}

/* A caller that finds bytes pending gets on_drain when they are sent. After a push that the client
 * keeps up with, on_drain is not called. */
static size_t pending_bytes(const sse_exchange *x)
{
    sse_http2_stream *t = x->session;
    size_t bytes = sse_queue_bytes(&t->out);

    t->notify_drain = t->notify_drain || bytes > 0;
    return bytes;
}

static size_t queued_bytes(const sse_exchange *x)
{
    const sse_http2_stream *t = x->session;

    return t->session->queued + sse_connection_pending(t->session->connection);
}

static sse_queue *queue_of(const sse_exchange *x)
{
    sse_http2_stream *t = x->session;

    return &t->out;
}

static sse_connection *connection_of(const sse_exchange *x)
{
    const sse_http2_stream *t = x->session;

    return t->session->connection;
}

static void **address_of(const sse_exchange *x)
{
    sse_http2_stream *t = x->session;

    return &t->address;
}

static bool is_lost(const sse_exchange *x)
{
    const sse_http2_stream *t = x->session;

    return t->ended || t->reset || sse_connection_ended(t->session->connection);
}

const sse_transport sse_http2_transport = {
    .start = start_response,
    .send = send_frame,
    .push = push_frame,
    .finish = finish_response,
    .set_final_deadline = set_final_deadline,
    .abort = abort_response,
    .flush = flush_response,
    .pending = pending_bytes,
    .queued = queued_bytes,
    .queue = queue_of,
    .connection = connection_of,
    .address = address_of,
    .lost = is_lost,
};
