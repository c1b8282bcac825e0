#include "request_windows.h"

#include "schedule.h"

/* Bytes, as request_windows.h explains them. */
#define LEAST_UNIT   ((size_t)256 << 10)
#define WIDE_WINDOW  65535 /* what HTTP/2 gives a stream where SETTINGS say nothing */
#define LEAST_WINDOW 1024

size_t sse_http2_body_unit(const sse_limits *limits)
{
    return limits->max_body_size > LEAST_UNIT ? (size_t)limits->max_body_size : LEAST_UNIT;
}

uint32_t sse_http2_initial_window(const sse_limits *limits)
{
    size_t window = sse_http2_body_unit(limits) / limits->max_concurrent_requests;

    return window > WIDE_WINDOW    ? WIDE_WINDOW
           : window > LEAST_WINDOW ? (uint32_t)window
                                   : LEAST_WINDOW;
}

void sse_http2_widen_window(sse_http2_stream *t)
{
    sse_http2_session *s = t->session;

    if ((s->wide_windows + 1) * (size_t)WIDE_WINDOW >
        sse_http2_body_unit(&sse_http2_context(s)->limits))
        return;
    if (nghttp2_session_set_local_window_size(s->nghttp2, NGHTTP2_FLAG_NONE, t->id, WIDE_WINDOW)) {
        s->failed = true;
        return;
    }
    s->wide_windows++;
    t->reader->wide_window = true;
}

/* Lets the client send n bytes more on the stream. */
static void update_window(sse_http2_stream *t, size_t n)
{
    if (n > 0)
        nghttp2_session_consume_stream(t->session->nghttp2, t->id, n);
}

void sse_http2_release_oldest_window(sse_http2_session *s)
{
    sse_http2_reader *r = s->readers;

    while (r && (r->complete || !r->request))
        r = r->next;
    if (!r)
        return;
    update_window(r->stream, r->withheld);
    r->withheld = 0;
    sse_http2_schedule_flush(s);
}

/* Whether no older body is still received. */
static bool is_oldest(const sse_http2_reader *r)
{
    const sse_http2_reader *first = r->stream->session->readers;

    while (first != r && (first->complete || !first->request))
        first = first->next;
    return first == r;
}

void sse_http2_consume_window(sse_http2_reader *r, size_t n)
{
    sse_http2_session *s = r->stream->session;

    if (s->body_bytes > sse_http2_body_unit(&sse_http2_context(s)->limits) && !is_oldest(r))
        r->withheld += n;
    else
        update_window(r->stream, n);
}
