#include "session.h"

#include "receive.h"
#include "response.h"

/* --- callbacks of the connection ----------------------------------------- */

static void on_bytes(sse_connection *c, const char *bytes, size_t len)
{
    sse_http1_receive(c->session, bytes, len);
}

static void on_eof(sse_connection *c)
{
    sse_http1_session *s = c->session;

    if (!s->exchange) { /* the client may still read a response: on_drained closes then */
        if (sse_connection_pending(c) == 0 && !c->flush_scheduled)
            sse_connection_close(c, SSE_END_CLIENT);
        return;
    }
    if (s->exchange->state == SSE_EXCHANGE_STARTED)
        sse_connection_close(c, SSE_END_CLIENT); /* nobody reads the rest of the response */
    else /* it may read the response to come, or be gone: on_deadline finds out */
        sse_connection_set_deadline(c, c->context->limits.idle_timeout);
}

/* An event stream began while requests were pipelined behind it, which nothing can answer any more:
 * the connection ends with the stream. Reading goes on, to see the client close. */
static void drop_pipelined(sse_http1_session *s)
{
    s->keep_alive = false;
    sse_http1_drop_reader(s);
    sse_connection_set_reading(s->connection, true);
    sse_connection_set_deadline(s->connection, 0);
}

static void on_drained(sse_connection *c)
{
    sse_http1_session *s = c->session;
    sse_exchange *x = s->exchange;

    if (x) {
        if (x->long_lived && c->eof) {
            sse_connection_close(c, SSE_END_CLIENT);
            return;
        }
        if (x->long_lived && s->reader)
            drop_pipelined(s);
        if (x->on->on_drain)
            x->on->on_drain(x->user);
        return;
    }
    /* 100 (Continue) went out; where it had to wait, the write's deadline replaced the body's. */
    if (sse_http1_receiving_body(s))
        sse_connection_set_deadline(c, c->context->limits.body_timeout);
    else
        sse_http1_receive_next(s);
    /* The client sends no more, so what is still buffered will not become a whole request. */
    if (c->eof && !c->flush_scheduled && !s->exchange && !sse_connection_ended(c) &&
        sse_connection_pending(c) == 0)
        sse_connection_close(c, SSE_END_CLIENT);
}

static void on_deadline(sse_connection *c)
{
    sse_http1_session *s = c->session;

    if (s->exchange) { /* set while reading has stopped: does the client still exist? */
        if (sse_connection_broken(c) || (c->eof && s->exchange->state == SSE_EXCHANGE_OPEN))
            sse_connection_close(c, SSE_END_CLIENT);
        else
            sse_connection_set_deadline(c, c->context->limits.idle_timeout);
        return;
    }
    if (sse_http1_receiving_body(s))
        sse_http1_reject(s, 408, "the body did not arrive in time");
    else if (s->request_started)
        sse_http1_reject_head(s, 408, "the request head did not arrive in time",
                              s->reader ? sse_buffer_slice(&s->reader->in) : (sse_slice){ 0 });
    else
        sse_connection_close(c, SSE_END_TIMEOUT);
}

static void on_closed(sse_connection *c, sse_reason reason)
{
    sse_http1_session *s = c->session;

    if (s->exchange)
        sse_exchange_end(s->exchange, reason);
    sse_http1_drop_reader(s);
    sse_slab_free(&c->context->sessions, s);
}

/* The server shuts down: the current response is the last one, or that of a request that has begun
 * to arrive. */
static void on_shutdown(sse_connection *c)
{
    sse_http1_session *s = c->session;

    s->keep_alive = false;
    if (s->exchange)
        sse_exchange_notify_shutdown(s->exchange);
    else if (!s->request_started && s->had_request)
        sse_connection_finish(c);
    else if (!s->request_started) /* the first request may be on its way */
        sse_connection_set_deadline(c, SSE_UNUSED_MS);
}

static void each_exchange(sse_connection *c, void (*fn)(void *arg, sse_exchange *x), void *arg)
{
    const sse_http1_session *s = c->session;

    if (s->exchange)
        fn(arg, s->exchange);
}

static const sse_protocol protocol = { .on_bytes = on_bytes,
                                       .on_eof = on_eof,
                                       .on_drained = on_drained,
                                       .on_deadline = on_deadline,
                                       .on_closed = on_closed,
                                       .on_shutdown = on_shutdown,
                                       .each_exchange = each_exchange };

/* --- starting a session -------------------------------------------------- */

static sse_http1_session *create_session(sse_connection *c)
{
    sse_http1_session *s = sse_slab_alloc(&c->context->sessions, sizeof *s);

    if (!s)
        return NULL;
    s->connection = c;
    c->protocol = &protocol;
    c->session = s;
    return s;
}

int sse_http1_session_start(sse_connection *c)
{
    if (!create_session(c))
        return SSE_ENOMEM;
    sse_connection_set_deadline(c, c->context->limits.idle_timeout);
    sse_connection_set_reading(c, true);
    return SSE_OK;
}

void sse_http1_session_refuse(sse_connection *c, int status, const char *reason)
{
    sse_http1_session *s = create_session(c);

    if (s)
        sse_http1_refuse(s, status, reason);
    else
        sse_connection_close(c, SSE_END_ERROR);
}
