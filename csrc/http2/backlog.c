#include "backlog.h"

#include "stream.h"

/* A stream is behind since its flow-control window closed, or, while that is open, since the socket
 * became full. */
static sse_backlog backlog_of(const sse_http2_stream *t)
{
    const sse_connection *c = t->session->connection;
    uint64_t due = !t->deadline && c->stalled ? c->deadline.due : t->deadline;

    if (!due)
        return (sse_backlog){ 0 };
    return sse_context_backlog(c->context, sse_queue_held(&t->out), due);
}

sse_backlog sse_http2_backlog(const sse_connection *c)
{
    const sse_http2_session *s = c->session;
    sse_backlog sum = sse_connection_backlog(c);

    for (const sse_http2_stream *t = s->pending; t; t = t->next_pending) {
        sse_backlog backlog = backlog_of(t);

        sum.weight += backlog.weight;
        sum.bytes += backlog.bytes;
    }
    return sum;
}

/* Ends a stream that is too far behind. */
static void end_stream(sse_http2_stream *t)
{
    sse_http2_context(t->session)->count.overload_ends++;
    sse_http2_stream_end(t, SSE_END_SLOW);
    sse_http2_stream_reset(t, NGHTTP2_CANCEL);
}

void sse_http2_on_overload(sse_connection *c)
{
    sse_http2_session *s = c->session;
    sse_http2_stream *next = NULL;
    uint64_t most = 0;

    for (const sse_http2_stream *t = s->pending; t; t = t->next_pending)
        if (backlog_of(t).weight > most)
            most = backlog_of(t).weight;
    if (sse_connection_backlog(c).weight >= most) {
        sse_http2_context(s)->count.overload_ends++;
        sse_connection_close(c, SSE_END_SLOW);
        return;
    }
    for (sse_http2_stream *t = s->pending; t; t = next) {
        next = t->next_pending;
        if (backlog_of(t).weight > most / 2)
            end_stream(t);
    }
}
