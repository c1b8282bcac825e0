#include "receive.h"

#include "reader.h"
#include "request_body.h"
#include "request_head.h"
#include "shutdown.h"
#include "stream.h"

static int on_begin_frame(nghttp2_session *nghttp2, const nghttp2_frame_hd *head, void *user)
{
    sse_http2_session *s = user;

    (void)nghttp2;
    if (sse_connection_ended(s->connection))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    /* RFC 9113 6.3. nghttp2 passes over PRIORITY, since this server has switched priorities off. */
    if (head->type == NGHTTP2_PRIORITY && head->stream_id == 0) {
        s->broke_protocol = true;
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    return sse_http2_flood_count_frame(&s->flood_limits, sse_http2_context(s), head)
               ? 0
               : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_begin_headers(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    sse_http2_session *s = user;
    sse_http2_stream *t = NULL;

    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    t = sse_http2_stream_new(s, frame->hd.stream_id);
    if (!t)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (nghttp2_session_set_stream_user_data(nghttp2, t->id, t) || sse_http2_reader_new(t))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return 0;
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    sse_http2_session *s = user;
    sse_http2_stream *t = nghttp2_session_get_stream_user_data(nghttp2, frame->hd.stream_id);

    (void)flags;
    if (!t || !sse_http2_request_add_field(t, (sse_slice){ (const char *)name, name_len },
                                           (sse_slice){ (const char *)value, value_len }))
        return 0;
    s->flood_limits.exceeded = &sse_http2_context(s)->count.http2_header_floods;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_data_chunk(nghttp2_session *nghttp2, uint8_t flags, int32_t id, const uint8_t *bytes,
                         size_t len, void *user)
{
    sse_http2_stream *t = nghttp2_session_get_stream_user_data(nghttp2, id);

    (void)flags;
    (void)user;
    if (t)
        sse_http2_request_add_body(t, (sse_slice){ (const char *)bytes, len });
    else
        nghttp2_session_consume_connection(nghttp2, len);
    return 0;
}

static int on_frame_received(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *user)
{
    sse_http2_session *s = user;
    bool last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    sse_http2_stream *t = NULL;

    if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK && s->goaway_at)
        sse_http2_shutdown_finish(s);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        return sse_http2_flood_count_reset(&s->flood_limits, sse_http2_context(s))
                   ? 0
                   : NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.type > NGHTTP2_HEADERS) /* DATA is 0, HEADERS 1: only these make a request */
        return 0;
    t = nghttp2_session_get_stream_user_data(nghttp2, frame->hd.stream_id);
    if (!t)
        return 0;
    t->half_closed_remote = t->half_closed_remote || last;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        sse_http2_request_end_head(t, last);
    else if (last)
        sse_http2_request_end(t);
    return 0;
}

/* nghttp2 answers a frame that breaks a rule by RST_STREAM, so it counts as a reset. */
static int on_invalid_frame_received(nghttp2_session *nghttp2, const nghttp2_frame *frame,
                                     int error, void *user)
{
    sse_http2_session *s = user;

    (void)nghttp2;
    (void)frame;
    (void)error;
    return sse_http2_flood_count_reset(&s->flood_limits, sse_http2_context(s))
               ? 0
               : NGHTTP2_ERR_CALLBACK_FAILURE;
}

void sse_http2_set_receive_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_received);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks,
                                                                 on_invalid_frame_received);
}
