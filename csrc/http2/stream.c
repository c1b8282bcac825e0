#include "stream.h"

#include <stdlib.h>

#include "../http/record.h"
#include "reader.h"
#include "schedule.h"

sse_http2_stream *sse_http2_stream_new(sse_http2_session *s, int32_t id)
{
    sse_context *context = sse_http2_context(s);
    sse_http2_stream *t = sse_slab_alloc(&context->http2_streams, sizeof *t);

    if (!t)
        return NULL;
    t->session = s;
    t->id = id;
    t->out.payload_only = true;
    t->next = s->streams;
    t->link = &s->streams;
    if (t->next)
        t->next->link = &t->next;
    s->streams = t;
    s->stream_count++;
    context->count.http2_streams++;
    return t;
}

void sse_http2_stream_set_pending(sse_http2_stream *t)
{
    sse_http2_session *s = t->session;

    if (t->pending_link)
        return;
    t->next_pending = s->pending;
    t->pending_link = &s->pending;
    if (t->next_pending)
        t->next_pending->pending_link = &t->next_pending;
    s->pending = t;
}

void sse_http2_stream_clear_pending(sse_http2_stream *t)
{
    if (!t->pending_link)
        return;
    *t->pending_link = t->next_pending;
    if (t->next_pending)
        t->next_pending->pending_link = t->pending_link;
    t->pending_link = NULL;
}

void sse_http2_stream_drop_response(sse_http2_stream *t)
{
    sse_record_cut(sse_http2_context(t->session), &t->out,
                   t->reason ? (sse_reason)t->reason : SSE_END_SERVER);
    t->session->queued -= sse_queue_bytes(&t->out);
    sse_queue_clear(&t->out);
    free(t->head);
    t->head = NULL;
}

/* Ends the stream's exchange, if it has one. */
static void end_exchange(sse_http2_stream *t, sse_reason reason)
{
    sse_exchange *x = t->exchange;

    t->exchange = NULL;
    if (x)
        sse_exchange_end(x, reason);
}

/* Takes the stream out of its session; drops its request and response. */
static void leave_session(sse_http2_stream *t)
{
    sse_http2_reader_free(t);
    sse_http2_stream_clear_pending(t);
    sse_http2_stream_drop_response(t);
    *t->link = t->next;
    if (t->next)
        t->next->link = t->link;
    t->session->stream_count--;
    sse_http2_context(t->session)->count.http2_streams--;
}

/* Takes the stream out of the context's list of ended ones, if it is there. */
static void leave_ended(sse_http2_stream *t)
{
    if (!t->ended_link)
        return;
    *t->ended_link = t->next_ended;
    if (t->next_ended)
        t->next_ended->ended_link = t->ended_link;
    t->ended_link = NULL;
}

void sse_http2_stream_free(sse_http2_stream *t, sse_reason reason)
{
    sse_context *context = sse_http2_context(t->session);

    if (!t->reason)
        t->reason = (uint8_t)reason;
    end_exchange(t, (sse_reason)t->reason);
    leave_ended(t);
    leave_session(t);
    sse_slab_free(&context->http2_streams, t);
}

/* Ends the exchanges of streams that have ended, and frees those that are closed, as far as the
 * slice goes. The server context calls it at the end of the turn, before it frees connections and
 * their sessions; a session that is freed frees its streams. */
static void end_exchanges(sse_context *context)
{
    bool over = false;

    while (context->http2_ended_streams && !over) {
        sse_http2_stream *t = context->http2_ended_streams;

        leave_ended(t);
        end_exchange(t, (sse_reason)t->reason);
        if (t->closed)
            sse_slab_free(&context->http2_streams, t);
        over = sse_loop_slice_over(context->loop, sse_loop_now_us(context->loop));
    }
    if (context->http2_ended_streams)
        sse_context_wake(context);
}

void sse_http2_stream_end(sse_http2_stream *t, sse_reason reason)
{
    sse_context *context = sse_http2_context(t->session);

    t->ended = true;
    if (!t->reason)
        t->reason = (uint8_t)reason;
    if (t->ended_link)
        return;
    context->end_http2_streams = end_exchanges;
    t->next_ended = context->http2_ended_streams;
    t->ended_link = &context->http2_ended_streams;
    if (t->next_ended)
        t->next_ended->ended_link = &t->next_ended;
    context->http2_ended_streams = t;
    sse_context_wake(context);
}

void sse_http2_stream_close(sse_http2_stream *t, sse_reason reason)
{
    sse_http2_stream_end(t, reason);
    t->closed = true;
    leave_session(t);
}

void sse_http2_stream_reset(sse_http2_stream *t, uint32_t error)
{
    if (t->reset || t->closed)
        return;
    t->reset = true;
    t->deadline = 0;
    sse_http2_reader_free(t);
    sse_http2_stream_drop_response(t);
    sse_http2_stream_clear_pending(t);
    if (nghttp2_submit_rst_stream(t->session->nghttp2, NGHTTP2_FLAG_NONE, t->id, error))
        t->session->failed = true;
    sse_http2_schedule_flush(t->session);
}
