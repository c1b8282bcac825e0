#include "request.h"

#include <stdlib.h>

#include "request_windows.h"
#include "schedule.h"

int sse_http2_reading_new(sse_http2_stream *t)
{
    sse_http2 *s = t->session;
    const sse_limits *limits = &sse_http2_context(s)->limits;
    sse_http2_reading *r = calloc(1, sizeof *r);

    if (!r)
        return SSE_ENOMEM;
    sse_buffer_init(&r->method, limits->max_head);
    sse_buffer_init(&r->path, limits->max_head);
    sse_buffer_init(&r->authority, limits->max_head);
    sse_buffer_init(&r->text, limits->max_head + limits->max_target + 1024);
    sse_buffer_init(&r->cookies, limits->max_head);
    r->stream = t;
    r->link = s->reading_tail;
    *s->reading_tail = r;
    s->reading_tail = &r->next;
    t->read = r;
    s->heads++;
    sse_http2_set_deadline(s);
    return SSE_OK;
}

void sse_http2_reading_free_text(sse_http2_reading *r)
{
    sse_buffer_free(&r->method);
    sse_buffer_free(&r->path);
    sse_buffer_free(&r->authority);
    sse_buffer_free(&r->text);
    sse_buffer_free(&r->cookies);
}

static void take_out(sse_http2_reading *r)
{
    sse_http2 *s = r->stream->session;

    *r->link = r->next;
    if (r->next)
        r->next->link = r->link;
    else
        s->reading_tail = r->link;
    s->bodies -= sse_http2_reading_body_len(r);
    s->wide -= r->wide;
    sse_arrival_end(&r->arrival);
    if (!r->whole_head)
        s->heads--;
    if (r->ready)
        s->ready--;
    sse_timer_wheel_cancel(&sse_http2_context(s)->wheel, &r->deadline);
}

void sse_http2_reading_free(sse_http2_stream *t)
{
    sse_http2_reading *r = t->read;

    if (!r)
        return;
    take_out(r);
    t->read = NULL;
    sse_http2_reading_free_text(r);
    sse_request_unref(r->request);
    free(r);
    sse_http2_windows_release_oldest(t->session);
}
