#include "request_windows.h"

#include "schedule.h"

#define LEAST_UNIT ((size_t)256 << 10)
#define WIDE       65535 /* the window of a request while there are few */

size_t sse_http2_windows_unit(const sse_limits *limits)
{
    return limits->max_body > LEAST_UNIT ? (size_t)limits->max_body : LEAST_UNIT;
}

uint32_t sse_http2_first_window(const sse_limits *limits)
{
    size_t window = sse_http2_windows_unit(limits) / limits->max_concurrent_streams;

    return window > WIDE ? WIDE : window > 1024 ? (uint32_t)window : 1024;
}

/* The client has more room from the beginning where not many send. */
void sse_http2_windows_widen(sse_http2_stream *t)
{
    sse_http2 *s = t->session;

    if ((s->wide + 1) * (size_t)WIDE > sse_http2_windows_unit(&sse_http2_context(s)->limits))
        return;
    if (nghttp2_session_set_local_window_size(s->engine, NGHTTP2_FLAG_NONE, t->id, WIDE)) {
        s->failed = true;
        return;
    }
    s->wide++;
    t->read->wide = true;
}

/* The client may send n bytes more on the stream. */
static void give_room(sse_http2_stream *t, size_t n)
{
    if (n > 0)
        nghttp2_session_consume_stream(t->session->engine, t->id, n);
}

/* The oldest body goes on, whatever the others hold. */
void sse_http2_windows_release_oldest(sse_http2 *s)
{
    sse_http2_reading *r = s->reading;

    while (r && (r->ready || !r->request))
        r = r->next;
    if (!r)
        return;
    give_room(r->stream, r->withheld);
    r->withheld = 0;
    sse_http2_wake(s);
}

static bool is_oldest(const sse_http2_reading *r)
{
    const sse_http2_reading *first = r->stream->session->reading;

    while (first != r && (first->ready || !first->request))
        first = first->next;
    return first == r;
}

void sse_http2_windows_consume(sse_http2_reading *r, size_t n)
{
    sse_http2 *s = r->stream->session;

    if (s->bodies > sse_http2_windows_unit(&sse_http2_context(s)->limits) && !is_oldest(r))
        r->withheld += n;
    else
        give_room(r->stream, n);
}
