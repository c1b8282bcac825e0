#include "request_body.h"

#include <stdio.h>

#include "request_windows.h"
#include "response.h"

static void on_late(sse_deadline *d)
{
    sse_http2_reading *r = SSE_OWNER(d, sse_http2_reading, deadline);

    sse_http2_response_refuse(r->stream, 408, "the body did not arrive in time");
}

static void refuse_arrival(void *owner)
{
    sse_http2_response_refuse(owner, 503, SSE_BODIES_FULL);
}

void sse_http2_reading_begin_body(sse_http2_stream *t)
{
    sse_context *context = sse_http2_context(t->session);
    sse_http2_reading *r = t->read;

    sse_http2_windows_widen(t);
    sse_arrival_begin(context, &r->arrival, t, refuse_arrival);
    r->deadline.call = on_late;
    sse_timer_wheel_set(&context->wheel, &r->deadline, context->limits.body_timeout);
}

void sse_http2_reading_refuse_body(sse_http2_stream *t)
{
    char text[80];

    snprintf(text, sizeof text, "the body is larger than %llu bytes (max_body)",
             (unsigned long long)sse_http2_context(t->session)->limits.max_body);
    sse_http2_response_refuse(t, 413, text);
}

/* The newest body that arrives, or NULL. */
static sse_http2_reading *newest(const sse_http2 *s)
{
    sse_http2_reading *found = NULL;

    for (sse_http2_reading *r = s->reading; r; r = r->next)
        if (r->request && !r->ready)
            found = r;
    return found;
}

/* SSE_EFULL: too many bodies, of this connection or of all. */
static int append_body(sse_http2_stream *t, sse_slice bytes)
{
    sse_http2 *s = t->session;
    sse_http2_reading *r = t->read;
    sse_context *context = sse_http2_context(s);
    int code = sse_arrival_append(context, &r->arrival, r->request, bytes);

    if (code == SSE_ETOOBIG || code == SSE_ENOMEM)
        return code;
    s->bodies += bytes.len; /* also where it is refused: take_out takes it off */
    while (!code && s->bodies > 4 * sse_http2_windows_unit(&context->limits)) {
        sse_http2_reading *last = newest(s);

        if (!last || last == r)
            return SSE_EFULL;
        refuse_arrival(last->stream);
    }
    return code;
}

void sse_http2_reading_body(sse_http2_stream *t, sse_slice bytes)
{
    sse_http2 *s = t->session;
    sse_http2_reading *r = t->read;
    int code = SSE_OK;

    nghttp2_session_consume_connection(s->engine, bytes.len);
    if (!r || !r->request)
        return;
    code = append_body(t, bytes);
    if (code == SSE_ETOOBIG)
        sse_http2_reading_refuse_body(t);
    else if (code)
        sse_http2_response_refuse(t, 503, code == SSE_EFULL ? SSE_BODIES_FULL : "out of memory");
    if (code)
        return;
    sse_http2_windows_consume(r, bytes.len);
}

void sse_http2_reading_end(sse_http2_stream *t)
{
    sse_http2_reading *r = t->read;

    if (!r || !r->request || r->ready)
        return;
    r->ready = true;
    sse_arrival_end(&r->arrival);
    t->session->ready++;
    sse_timer_wheel_cancel(&sse_http2_context(t->session)->wheel, &r->deadline);
}
