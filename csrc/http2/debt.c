#include "debt.h"

#include "stream.h"

/* Nothing where the client was not yet given what waits. What its windows have room for waits for
 * the socket where that is full. */
static sse_debt debt_of(const sse_http2_stream *t)
{
    const sse_connection *c = t->session->connection;
    uint64_t due = !t->timeout_at && c->stalled ? c->deadline.due : t->timeout_at;

    if (!due)
        return (sse_debt){ 0 };
    return sse_context_debt(c->context, sse_queue_held(&t->out), due);
}

sse_debt sse_http2_debt(const sse_connection *c)
{
    const sse_http2_session *s = c->session;
    sse_debt sum = sse_connection_debt(c);

    for (const sse_http2_stream *t = s->pending; t; t = t->next_pending) {
        sse_debt debt = debt_of(t);

        sum.owed += debt.owed;
        sum.held += debt.held;
    }
    return sum;
}

static void end_stream(sse_http2_stream *t)
{
    sse_http2_context(t->session)->count.overflowed++;
    sse_http2_stream_end(t, SSE_END_SLOW);
    sse_http2_stream_reset(t, NGHTTP2_CANCEL);
}

/* Its streams that owe most, or all of it where the socket does. */
void sse_http2_on_debt(sse_connection *c)
{
    sse_http2_session *s = c->session;
    sse_http2_stream *next = NULL;
    uint64_t most = 0;

    for (const sse_http2_stream *t = s->pending; t; t = t->next_pending)
        if (debt_of(t).owed > most)
            most = debt_of(t).owed;
    if (sse_connection_debt(c).owed >= most) {
        sse_http2_context(s)->count.overflowed++;
        sse_connection_close(c, SSE_END_SLOW);
        return;
    }
    for (sse_http2_stream *t = s->pending; t; t = next) {
        next = t->next_pending;
        if (debt_of(t).owed > most / 2)
            end_stream(t);
    }
}
