#include "receive.h"

#include "request.h"
#include "request_body.h"
#include "request_head.h"
#include "shutdown.h"
#include "stream.h"

static int on_frame_begins(nghttp2_session *engine, const nghttp2_frame_hd *head, void *user)
{
    sse_http2 *s = user;

    (void)engine;
    if (sse_connection_ended(s->connection))
        return NGHTTP2_ERR_CALLBACK_FAILURE;
    return sse_http2_guard_frame(&s->guard, sse_http2_context(s), head)
               ? 0
               : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_headers_begin(nghttp2_session *engine, const nghttp2_frame *frame, void *user)
{
    sse_http2 *s = user;
    sse_http2_stream *t = NULL;

    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    t = sse_http2_stream_new(s, frame->hd.stream_id);
    if (!t)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (nghttp2_session_set_stream_user_data(engine, t->id, t) || sse_http2_reading_new(t))
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    return 0;
}

static int on_header(nghttp2_session *engine, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *user)
{
    sse_http2 *s = user;
    sse_http2_stream *t = nghttp2_session_get_stream_user_data(engine, frame->hd.stream_id);

    (void)flags;
    if (!t || !sse_http2_reading_field(t, (sse_slice){ (const char *)name, name_len },
                                       (sse_slice){ (const char *)value, value_len }))
        return 0;
    s->guard.count = &sse_http2_context(s)->count.http2_header_floods;
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static int on_data(nghttp2_session *engine, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *user)
{
    sse_http2_stream *t = nghttp2_session_get_stream_user_data(engine, id);

    (void)flags;
    (void)user;
    if (t)
        sse_http2_reading_body(t, (sse_slice){ (const char *)bytes, len });
    else
        nghttp2_session_consume_connection(engine, len);
    return 0;
}

static int on_frame(nghttp2_session *engine, const nghttp2_frame *frame, void *user)
{
    sse_http2 *s = user;
    bool last = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    sse_http2_stream *t = NULL;

    if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK && s->drain_due)
        sse_http2_shutdown_finish(s);
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        return sse_http2_guard_reset(&s->guard, sse_http2_context(s))
                   ? 0
                   : NGHTTP2_ERR_CALLBACK_FAILURE;
    if (frame->hd.type > NGHTTP2_HEADERS)
        return 0;
    t = nghttp2_session_get_stream_user_data(engine, frame->hd.stream_id);
    if (!t)
        return 0;
    t->peer_done = t->peer_done || last;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        sse_http2_reading_head(t, last);
    else if (last)
        sse_http2_reading_end(t);
    return 0;
}

/* A frame that breaks a rule costs us a reset: it counts as one. */
static int on_invalid_frame(nghttp2_session *engine, const nghttp2_frame *frame, int error,
                            void *user)
{
    sse_http2 *s = user;

    (void)engine;
    (void)frame;
    (void)error;
    return sse_http2_guard_reset(&s->guard, sse_http2_context(s)) ? 0
                                                                  : NGHTTP2_ERR_CALLBACK_FAILURE;
}

void sse_http2_set_receive_callbacks(nghttp2_session_callbacks *callbacks)
{
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_frame_begins);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_headers_begin);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
}
