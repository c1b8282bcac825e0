#include "shutdown.h"

#include "schedule.h"

void sse_http2_shutdown_start(sse_http2_session *s)
{
    if (s->draining)
        return;
    s->draining = true;
    if (nghttp2_submit_shutdown_notice(s->nghttp2))
        s->failed = true;
    s->goaway_at = sse_http2_now(s) + SSE_UNUSED_MS;
    sse_http2_schedule_timer(s, s->goaway_at);
    sse_http2_schedule_flush(s);
    for (sse_http2_stream *t = s->streams; t; t = t->next)
        if (t->exchange)
            sse_exchange_notify_shutdown(t->exchange);
}

void sse_http2_shutdown_now(sse_http2_session *s)
{
    if (s->draining)
        return;
    s->draining = true;
    sse_http2_shutdown_finish(s);
}

void sse_http2_shutdown_goaway_sent(sse_http2_session *s)
{
    if (s->goaway_at && nghttp2_submit_ping(s->nghttp2, NGHTTP2_FLAG_NONE, NULL))
        s->failed = true;
}

void sse_http2_shutdown_finish(sse_http2_session *s)
{
    int32_t last = nghttp2_session_get_last_proc_stream_id(s->nghttp2);

    s->goaway_at = 0;
    if (nghttp2_submit_goaway(s->nghttp2, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0))
        s->failed = true;
    sse_http2_schedule_flush(s);
}
