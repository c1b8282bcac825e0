#include "reader.h"

#include <stdlib.h>

#include "request_windows.h"
#include "schedule.h"

int sse_http2_reader_new(sse_http2_stream *t)
{
    sse_http2_session *s = t->session;
    const sse_limits *limits = &sse_http2_context(s)->limits;
    sse_http2_reader *r = calloc(1, sizeof *r);

    if (!r)
        return SSE_ENOMEM;
    sse_buffer_init(&r->method, limits->max_head_size);
    sse_buffer_init(&r->path, limits->max_head_size);
    sse_buffer_init(&r->authority, limits->max_head_size);
    sse_buffer_init(&r->fields, limits->max_head_size + limits->max_target + 1024);
    sse_buffer_init(&r->cookies, limits->max_head_size);
    r->stream = t;
    r->link = s->readers_tail;
    *s->readers_tail = r;
    s->readers_tail = &r->next;
    t->reader = r;
    s->partial_heads++;
    sse_http2_schedule_deadline(s);
    return SSE_OK;
}

void sse_http2_reader_free_head(sse_http2_reader *r)
{
    sse_buffer_free(&r->method);
    sse_buffer_free(&r->path);
    sse_buffer_free(&r->authority);
    sse_buffer_free(&r->fields);
    sse_buffer_free(&r->cookies);
}

/* Takes the reader out of its session's list and counts. */
static void remove_from_session(sse_http2_reader *r)
{
    sse_http2_session *s = r->stream->session;

    *r->link = r->next;
    if (r->next)
        r->next->link = r->link;
    else
        s->readers_tail = r->link;
    s->body_bytes -= sse_http2_reader_body_len(r);
    s->wide_windows -= r->wide_window;
    sse_incoming_body_end(&r->incoming);
    if (!r->head_ended)
        s->partial_heads--;
    if (r->complete)
        s->ready_requests--;
    sse_timer_wheel_cancel(&sse_http2_context(s)->wheel, &r->deadline);
}

void sse_http2_reader_free(sse_http2_stream *t)
{
    sse_http2_reader *r = t->reader;

    if (!r)
        return;
    remove_from_session(r);
    t->reader = NULL;
    sse_http2_reader_free_head(r);
    sse_request_unref(r->request);
    free(r);
    sse_http2_release_oldest_window(t->session);
}
