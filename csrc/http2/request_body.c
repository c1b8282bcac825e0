#include "request_body.h"

#include <stdio.h>

#include "request_windows.h"
#include "response.h"

static void on_body_timeout(sse_deadline *d)
{
    sse_http2_reader *r = SSE_CONTAINER_OF(d, sse_http2_reader, deadline);

    if (!sse_timer_wheel_excuse(&sse_http2_context(r->stream->session)->wheel, d))
        sse_http2_response_reject(r->stream, 408, "the body did not arrive in time");
}

/* max_bodies is exceeded, or the session's own limit, and this body is the newest one. */
static void reject_bodies_full(void *owner)
{
    sse_http2_response_reject(owner, 503, SSE_BODIES_FULL);
}

void sse_http2_request_begin_body(sse_http2_stream *t)
{
    sse_context *context = sse_http2_context(t->session);
    sse_http2_reader *r = t->reader;

    sse_http2_widen_window(t);
    sse_incoming_body_begin(context, &r->incoming, t, reject_bodies_full);
    r->deadline.call = on_body_timeout;
    sse_timer_wheel_set(&context->wheel, &r->deadline, context->limits.body_timeout);
}

void sse_http2_request_reject_body(sse_http2_stream *t)
{
    char text[80];

    snprintf(text, sizeof text, "the body is larger than %llu bytes (max_body_size)",
             (unsigned long long)sse_http2_context(t->session)->limits.max_body_size);
    sse_http2_response_reject(t, 413, text);
}

/* The newest reader whose body is still received, or NULL. */
static sse_http2_reader *newest_body(const sse_http2_session *s)
{
    sse_http2_reader *found = NULL;

    for (sse_http2_reader *r = s->readers; r; r = r->next)
        if (r->request && !r->complete)
            found = r;
    return found;
}

/* Appends to the body. If all bodies of the session exceed their limit, the newest ones are
 * rejected. SSE_EFULL: this one is the newest, or max_bodies is exceeded. SSE_ETOOBIG: it is larger
 * than max_body_size. SSE_ENOMEM. */
static int append_body(sse_http2_stream *t, sse_slice bytes)
{
    sse_http2_session *s = t->session;
    sse_http2_reader *r = t->reader;
    sse_context *context = sse_http2_context(s);
    int code = sse_incoming_body_append(context, &r->incoming, r->request, bytes);

    if (code == SSE_ETOOBIG || code == SSE_ENOMEM)
        return code;
    s->body_bytes += bytes.len; /* also with SSE_EFULL: freeing the reader subtracts them */
    while (!code && s->body_bytes > 4 * sse_http2_body_unit(&context->limits)) {
        sse_http2_reader *last = newest_body(s);

        if (!last || last == r)
            return SSE_EFULL;
        reject_bodies_full(last->stream);
    }
    return code;
}

void sse_http2_request_add_body(sse_http2_stream *t, sse_slice bytes)
{
    sse_http2_session *s = t->session;
    sse_http2_reader *r = t->reader;
    int code = SSE_OK;

    nghttp2_session_consume_connection(s->nghttp2, bytes.len);
    if (!r || !r->request)
        return;
    code = append_body(t, bytes);
    if (code == SSE_ETOOBIG)
        sse_http2_request_reject_body(t);
    else if (code)
        sse_http2_response_reject(t, 503, code == SSE_EFULL ? SSE_BODIES_FULL : "out of memory");
    if (code)
        return;
    sse_http2_consume_window(r, bytes.len);
}

void sse_http2_request_end(sse_http2_stream *t)
{
    sse_http2_reader *r = t->reader;

    if (!r || !r->request || r->complete)
        return;
    r->complete = true;
    sse_incoming_body_end(&r->incoming);
    t->session->ready_requests++;
    sse_timer_wheel_cancel(&sse_http2_context(t->session)->wheel, &r->deadline);
}
