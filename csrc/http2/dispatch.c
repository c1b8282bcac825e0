#include "dispatch.h"

#include "../http/visitor.h"
#include "reader.h"
#include "response.h"

/* Requests of one connection that are handed over in one turn, before others are served. */
enum { REQUESTS_A_TURN = 8 };

/* Makes an exchange of a complete request and calls context->on_request. */
static void dispatch(sse_http2_reader *r)
{
    sse_http2_stream *t = r->stream;
    sse_context *context = sse_http2_context(t->session);
    sse_exchange *x = NULL;
    void *entry = NULL;

    if (!sse_visitor_enter(context, r->request, &entry)) {
        sse_http2_response_refuse(t);
        return;
    }
    x = sse_exchange_new(context, &sse_http2_transport, t, r->request);
    if (!x) {
        if (entry)
            context->leave_address(context->user, entry);
        sse_http2_response_reject(t, 503, "out of memory");
        return;
    }
    sse_exchange_count(x, entry);
    t->session->body_bytes -= sse_http2_reader_body_len(r);
    r->request = NULL;
    sse_http2_reader_free(t);
    t->exchange = x;
    context->count.requests++;
    context->on_request(context->user, x);
}

/* Whether the session's responses hold as much as they may while the server holds much. */
static bool holds_its_share(const sse_http2_session *s)
{
    const sse_context *context = sse_http2_context(s);

    return (sse_context_half_full(context) && s->queued > sse_context_share(context)) ||
           (sse_context_full(context) && s->queued > 0);
}

/* A handler may end any request, so the list is searched from its beginning each time. `left` is
 * negative where the turn's number of requests is used up: then the next flush goes on. Otherwise
 * the session holds its share, and on_room goes on when the server context has room again. */
void sse_http2_dispatch(sse_http2_session *s)
{
    int left = REQUESTS_A_TURN;

    while (left-- > 0 && s->ready_requests > 0 && !holds_its_share(s) &&
           sse_connection_takes_requests(s->connection)) {
        sse_http2_reader *r = s->readers;

        while (!r->complete)
            r = r->next;
        dispatch(r);
    }
    if (s->connection->doomed)
        return;
    if (s->ready_requests > 0 && left < 0)
        sse_connection_schedule_flush(s->connection);
    else if (s->ready_requests > 0)
        sse_context_await_room(sse_http2_context(s));
}

void sse_http2_on_room(sse_connection *c)
{
    const sse_http2_session *s = c->session;

    if (s->ready_requests > 0)
        sse_connection_schedule_flush(c);
}
