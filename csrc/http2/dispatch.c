#include "dispatch.h"

#include "request.h"
#include "response.h"

/* Requests of one connection that a call of sse_http2_dispatch begins: behind them other
 * connections have their turn. */
enum { REQUESTS_A_TURN = 8 };

static void dispatch(sse_http2_reading *r)
{
    sse_http2_stream *t = r->stream;
    sse_context *context = sse_http2_context(t->session);
    sse_exchange *x = sse_exchange_new(context, &sse_http2_transport, t, r->request);

    if (!x) {
        sse_http2_response_refuse(t, 503, "out of memory");
        return;
    }
    t->session->bodies -= sse_http2_reading_body_len(r);
    r->request = NULL;
    sse_http2_reading_free(t);
    t->exchange = x;
    context->count.requests++;
    context->on_request(context->user, x);
}

/* Whether its answers hold as much as they may: what the client takes makes room, or the end of the
 * turn where all hold too much. */
static bool has_its_share(const sse_http2 *s)
{
    const sse_context *context = sse_http2_context(s);

    return (sse_context_half_full(context) && s->queued > sse_context_share(context)) ||
           (sse_context_full(context) && s->queued > 0);
}

/* A handler may do anything: the list is looked at anew after each. */
void sse_http2_dispatch(sse_http2 *s)
{
    int left = REQUESTS_A_TURN;

    while (left-- > 0 && s->ready > 0 && !has_its_share(s) &&
           !sse_connection_ended(s->connection) && !s->connection->finishing) {
        sse_http2_reading *r = s->reading;

        while (!r->ready)
            r = r->next;
        dispatch(r);
    }
    if (s->ready > 0 && left < 0)
        sse_connection_wake(s->connection);
    else if (s->ready > 0)
        sse_context_await_room(sse_http2_context(s));
}

void sse_http2_on_room(sse_connection *c)
{
    const sse_http2 *s = c->session;

    if (s->ready > 0)
        sse_connection_wake(c);
}
