#include "send.h"

#include <stdlib.h>

#include "../http/record.h"
#include "schedule.h"
#include "shutdown.h"
#include "stream.h"

#define FRAME_HEADER 9                  /* bytes */
#define BUFFER_SIZE  ((size_t)16 << 10) /* bytes of session->buffer */

/* Bytes in the connection's queue at which a flush stops; a frame may go beyond. */
#define MAX_QUEUED ((size_t)128 << 10)

static bool queue_full(const sse_http2_session *s)
{
    return sse_connection_pending(s->connection) >= MAX_QUEUED;
}

/* Returns room for len bytes in the session's buffer, or in a new one. NULL: out of memory. */
static char *reserve(sse_http2_session *s, size_t len)
{
    if (!s->buffer || s->buffer_used + len > s->buffer->payload) {
        sse_frame_unref(s->buffer);
        s->buffer_used = 0;
        s->buffer = sse_frame_raw_alloc(len > BUFFER_SIZE ? len : BUFFER_SIZE);
    }
    return s->buffer ? s->buffer->bytes + s->buffer_used : NULL;
}

/* Copies bytes to the connection's queue. SSE_ENOMEM, SSE_ECLOSED. */
static int append(sse_http2_session *s, const void *bytes, size_t len)
{
    char *to = reserve(s, len);

    if (!to)
        return SSE_ENOMEM;
    memcpy(to, bytes, len);
    s->buffer_used += len;
    return sse_connection_send_part(s->connection, s->buffer, (sse_slice){ to, len });
}

static ssize_t on_send(nghttp2_session *nghttp2, const uint8_t *bytes, size_t len, int flags,
                       void *user)
{
    sse_http2_session *s = user;

    (void)nghttp2;
    (void)flags;
    if (queue_full(s)) {
        s->flush_partial = true;
        return NGHTTP2_ERR_WOULDBLOCK;
    }
    return append(s, bytes, len) ? NGHTTP2_ERR_CALLBACK_FAILURE : (ssize_t)len;
}

/* Queues a DATA frame: its header, and the first len bytes of the stream's queue. */
static int send_frame(sse_http2_session *s, sse_http2_stream *t, const uint8_t *header, size_t len)
{
    sse_connection *c = s->connection;
    sse_request *record = t->out.ring ? t->out.ring->record : NULL;
    size_t moved = 0;
    int code = append(s, header, FRAME_HEADER);

    if (!code)
        code = sse_queue_move(&t->out, &c->out, len, &moved);
    s->queued -= moved;
    if (record && !t->out.ring)
        sse_record_complete(c->context, record);
    return code;
}

static int on_send_data(nghttp2_session *nghttp2, nghttp2_frame *frame, const uint8_t *header,
                        size_t len, nghttp2_data_source *source, void *user)
{
    sse_http2_session *s = user;
    sse_http2_stream *t = source->ptr;

    (void)nghttp2;
    (void)frame; /* has no padding, since none is asked for */
    if (queue_full(s)) {
        s->flush_partial = true;
        return NGHTTP2_ERR_WOULDBLOCK;
    }
    if (t->reset) /* reset since on_read_body */
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (send_frame(s, t, header, len))
        return NGHTTP2_ERR_CALLBACK_FAILURE; /* a part of the frame may be queued */
    if (!t->deadline_final)
        t->deadline = 0;
    sse_http2_flood_allow_replies(&s->flood_limits);
    return 0;
}

/* Tells nghttp2 how much of the body a DATA frame takes. on_send_data sends it. */
static ssize_t on_read_body(nghttp2_session *nghttp2, int32_t id, uint8_t *buffer, size_t len,
                            uint32_t *flags, nghttp2_data_source *source, void *user)
{
    sse_http2_stream *t = source->ptr;
    size_t bytes = sse_queue_bytes(&t->out);

    (void)nghttp2;
    (void)id;
    (void)buffer;
    (void)user;
    if (bytes == 0 && !t->complete) {
        t->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    if (bytes <= len && t->complete)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return (ssize_t)(bytes < len ? bytes : len);
}

/* Makes a streamed response incremental (RFC 9218 section 4.2): it takes turns with the others of
 * its urgency, which would otherwise wait for its end. */
static void set_incremental(const sse_http2_stream *t)
{
    nghttp2_extpri priority = { .urgency = NGHTTP2_EXTPRI_DEFAULT_URGENCY, .inc = 1 };

    if (t->exchange && t->exchange->state == SSE_EXCHANGE_STARTED)
        nghttp2_session_change_extpri_stream_priority(t->session->nghttp2, t->id, &priority, 1);
}

static void submit_head(sse_http2_stream *t)
{
    nghttp2_data_provider body = { .source.ptr = t, .read_callback = on_read_body };
    int code = nghttp2_submit_response(t->session->nghttp2, t->id, t->head->fields, t->head->count,
                                       t->head->has_body ? &body : NULL);

    free(t->head);
    t->head = NULL;
    set_incremental(t);
    if (code) {
        sse_http2_stream_end(t, SSE_END_ERROR);
        sse_http2_stream_reset(t, NGHTTP2_INTERNAL_ERROR);
    }
}

void sse_http2_submit_heads(sse_http2_session *s)
{
    sse_http2_stream *next = NULL;

    for (sse_http2_stream *t = s->pending; t; t = next) {
        next = t->next_pending;
        if (t->head)
            submit_head(t);
    }
}

static int on_frame_sent(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    sse_http2_session *s = user;
    sse_http2_stream *t = NULL;

    if (frame->hd.type == NGHTTP2_GOAWAY)
        sse_http2_shutdown_goaway_sent(s);
    /* Of the other types, those past HEADERS, the flag's bit means something else. */
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM) || frame->hd.type > NGHTTP2_HEADERS)
        return 0;
    t = nghttp2_session_get_stream_user_data(nghttp2, frame->hd.stream_id);
    if (!t || t->half_closed_remote)
        return 0;
    /* The response was sent before the whole request came, and the rest of the request is not
     * wanted. The stream is reset later, by on_timer: libcurl up to 7.88 loses a response that a
     * reset follows at once. */
    t->deadline_final = true;
    t->deadline = sse_http2_now(s) + SSE_LINGER_MS;
    sse_http2_schedule_timer(s, t->deadline);
    return 0;
}

/* nghttp2 could not encode a response head. */
static int on_frame_not_sent(nghttp2_session *nghttp2, const nghttp2_frame *frame, int error,
                             void *user)
{
    sse_http2_stream *t = NULL;

    (void)user;
    (void)error;
    if (frame->hd.type != NGHTTP2_HEADERS)
        return 0;
    t = nghttp2_session_get_stream_user_data(nghttp2, frame->hd.stream_id);
    if (t) {
        sse_http2_stream_end(t, SSE_END_ERROR);
        sse_http2_stream_reset(t, NGHTTP2_INTERNAL_ERROR);
    }
    return 0;
}

void sse_http2_set_send_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_sent);
}
