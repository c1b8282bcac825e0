#include "session.h"

#include <stdio.h>
#include <stdlib.h>

#include "../http/response_fields.h"
#include "request_reader.h"
#include "response_head.h"

/* Requests of one connection that a turn answers: behind them other connections have their turn. */
enum { REQUESTS_A_TURN = 8 };

typedef struct session {
    sse_connection *connection;
    sse_exchange *exchange;  /* the request being answered, or NULL */
    sse_http1_reading *read; /* what is being read, or NULL */
    bool keep_alive;         /* after the answer at hand */
    bool chunked;            /* the answer at hand is streamed in chunks */
    bool expect_continue;
    bool begun;  /* the first byte of a request came: the head's deadline runs */
    bool served; /* a whole request has come */
} session;

/* --- what is being read --------------------------------------------------- */

static size_t waiting_bytes(const session *s)
{
    return s->read ? s->read->in.len : 0;
}

static bool reads_body(const session *s)
{
    return s->read && s->read->request;
}

static bool make_reading(session *s)
{
    if (!s->read)
        s->read = sse_http1_reading_new(s->connection->context);
    return s->read != NULL;
}

static void drop_reading(session *s)
{
    sse_http1_reading_free(s->read);
    s->read = NULL;
}

/* Nothing is kept between requests. */
static void settle_reading(session *s)
{
    if (s->read && !s->read->request && s->read->in.len == 0)
        drop_reading(s);
}

/* --- answers ------------------------------------------------------------- */

static int send_and_drop(session *s, sse_frame *frame)
{
    int code = frame ? sse_connection_send(s->connection, frame) : SSE_ENOMEM;

    sse_frame_unref(frame);
    return code;
}

/* How the body will be delimited (RFC 9112 section 6): by its length, by chunks, or by the end. */
static void choose_framing(session *s, sse_exchange *x, int status, int64_t length)
{
    if (!sse_response_has_body(status))
        x->head_only = true;
    s->chunked = length < 0 && x->request->minor > 0 && sse_response_has_body(status);
    s->connection->out.bare = !s->chunked;
    if (length < 0 && !s->chunked && !x->head_only)
        s->keep_alive = false;
}

static int start_answer(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                        int64_t length, size_t *bad)
{
    session *s = x->session;
    bool keep_alive = s->keep_alive, head_only = x->head_only;
    sse_http1_response_head head = { .minor = x->request->minor,
                                     .status = status,
                                     .length = length };
    sse_frame *frame = NULL;
    int code = SSE_OK;

    if (sse_connection_ended(s->connection))
        return SSE_ECLOSED;
    choose_framing(s, x, status, length);
    s->connection->fresh = sse_connection_pending(s->connection) == 0;
    head.date = sse_context_date(x->context);
    head.chunked = s->chunked;
    head.keep_alive = s->keep_alive;
    code = sse_http1_build_head(&head, fields, count, bad, &frame);
    if (!code)
        code = send_and_drop(s, frame);
    if (code) { /* nothing was sent: as if not asked */
        s->keep_alive = keep_alive;
        x->head_only = head_only;
        s->chunked = false;
    }
    return code;
}

static int send_frame(sse_exchange *x, sse_frame *frame)
{
    session *s = x->session;

    return s ? sse_connection_send(s->connection, frame) : SSE_ECLOSED;
}

static int push_frame(sse_exchange *x, sse_frame *frame)
{
    session *s = x->session;

    return sse_connection_push(s->connection, frame);
}

static void hurry_answer(sse_exchange *x, uint64_t ms)
{
    session *s = x->session;

    s->keep_alive = false;
    sse_connection_hurry(s->connection, ms);
}

/* The answer is complete; the next request waits until its last byte went out. */
static void finish_answer(sse_exchange *x)
{
    session *s = x->session;

    if (!s)
        return;
    s->exchange = NULL;
    if (s->chunked && !x->head_only && send_and_drop(s, sse_frame_raw(SSE_SLICE("0\r\n\r\n"))))
        sse_connection_close(s->connection, SSE_END_ERROR); /* no next answer behind half of one */
    s->chunked = false;
    sse_connection_flush(s->connection, false); /* on_drained comes at the end of the turn */
    if (!s->keep_alive || (s->connection->eof && waiting_bytes(s) == 0))
        sse_connection_finish(s->connection);
}

static void flush_answer(sse_exchange *x, bool again)
{
    session *s = x->session;

    if (s)
        sse_connection_flush(s->connection, again);
}

static size_t pending_bytes(const sse_exchange *x)
{
    const session *s = x->session;

    return sse_connection_pending(s->connection);
}

static sse_connection *connection_of(const sse_exchange *x)
{
    const session *s = x->session;

    return s->connection;
}

/* A clear answer to a request that can't be served, then the end: what follows can't be trusted. */
static void refuse(session *s, int status, const char *reason)
{
    sse_http1_response_head head = { .minor = 1, .status = status };
    sse_http1_field fields[2] = { sse_response_text_field("Content-Type",
                                                          "text/plain; charset=utf-8") };
    sse_frame *frame = NULL;
    char text[256], seconds[8];
    int n = snprintf(text, sizeof text, "%d %s: %s\n", status, sse_http1_reason(status), reason);

    if (status == 503)
        fields[1] = sse_response_retry_after(seconds);
    s->keep_alive = s->chunked = false;
    sse_connection_deadline(s->connection, 0);
    head.length = n;
    head.date = sse_context_date(s->connection->context);
    sse_http1_build_head(&head, fields, status == 503 ? 2 : 1, NULL, &frame);
    if (send_and_drop(s, frame) == SSE_OK)
        send_and_drop(s, sse_frame_raw((sse_slice){ text, (size_t)n }));
    drop_reading(s);
    sse_connection_read(s->connection, false); /* until it lingers */
    sse_connection_finish(s->connection);
}

static void reject(session *s, int status, const char *reason)
{
    s->connection->context->count.rejected[status - 400]++;
    refuse(s, status, reason);
}

static void refuse_request(session *s, const sse_http1_refusal *refusal)
{
    char text[80];

    snprintf(text, sizeof text, "the body is larger than %llu bytes (max_body)",
             (unsigned long long)s->connection->context->limits.max_body);
    reject(s, refusal->status, refusal->status == 413 ? text : refusal->reason);
}

/* While nothing of the answer went out, it can still become a 500; else the client is to see what
 * there was, and that it broke off. */
static void abort_answer(sse_exchange *x)
{
    session *s = x->session;
    bool started = x->state == SSE_EXCHANGE_STARTED;

    if (!s)
        return;
    s->exchange = NULL;
    if (started && s->connection->fresh && !x->head_only && !sse_connection_ended(s->connection)) {
        sse_connection_drop_pending(s->connection);
        s->connection->out.bare = false;
        reject(s, 500, "the answer broke off");
        return;
    }
    sse_connection_flush(s->connection, false);
    if (started && s->connection->out.bare && !x->sized)
        sse_connection_reset(s->connection, SSE_END_SERVER);
    else
        sse_connection_close(s->connection, SSE_END_SERVER);
}

static bool is_lost(const sse_exchange *x)
{
    const session *s = x->session;

    return sse_connection_ended(s->connection);
}

static const sse_transport transport = {
    start_answer, send_frame,    push_frame,    finish_answer, hurry_answer, abort_answer,
    flush_answer, pending_bytes, pending_bytes, connection_of, is_lost,
};

/* --- requests ------------------------------------------------------------ */

static void dispatch(session *s)
{
    sse_context *context = s->connection->context;
    sse_exchange *x = sse_exchange_new(context, &transport, s, s->read->request);

    if (!x) {
        reject(s, 503, "out of memory");
        return;
    }
    s->read->request = NULL;
    s->begun = false;
    s->served = true;
    s->exchange = x;
    s->chunked = false;
    s->connection->out.bare = false;
    sse_connection_deadline(s->connection, 0);
    context->count.requests++;
    context->on_request(context->user, x);
}

static void refuse_arrival(void *owner)
{
    reject(owner, 503, SSE_BODIES_FULL);
}

/* SSE_OK: *used bytes were the head; the body comes next. SSE_EAGAIN. SSE_ECLOSED: refused. */
static int take_head(session *s, const char *bytes, size_t len, size_t *used)
{
    const sse_limits *limits = &s->connection->context->limits;
    sse_http1_limits bounds = { limits->max_head, limits->max_target };
    sse_http1_refusal refusal = { 0 };
    sse_http1_head head;
    size_t extra = 0;
    int code = sse_http1_parse_head(bytes, len, &bounds, &s->read->scanned, &head, used, &refusal);

    if (code == SSE_EAGAIN)
        return code;
    s->read->scanned = 0;
    extra = *used < limits->max_head ? limits->max_head - *used : 0; /* empty lines before it count
                                                                      */
    if (!code)
        code = sse_http1_body_init(&s->read->body, &head, limits->max_body, extra, &refusal);
    if (code) {
        refuse_request(s, &refusal);
        return SSE_ECLOSED;
    }
    s->read->request = sse_request_new(&head, (size_t)limits->max_body);
    if (!s->read->request) {
        reject(s, 503, "out of memory");
        return SSE_ECLOSED;
    }
    if (sse_request_count(s->connection->context, s->read->request, s->read->body.done)) {
        reject(s, 503, SSE_BODIES_FULL);
        return SSE_ECLOSED;
    }
    s->keep_alive = head.keep_alive && !s->connection->context->draining.on;
    s->expect_continue = head.expect_continue && !s->read->body.done;
    if (!s->read->body.done) {
        sse_arrival_begin(s->connection->context, &s->read->arrival, s, refuse_arrival);
        sse_connection_deadline(s->connection, limits->body_timeout);
    }
    return SSE_OK;
}

/* *used bytes were body. SSE_EAGAIN: more is needed. SSE_ECLOSED: refused. */
static int take_body(session *s, const char *bytes, size_t len, size_t *used)
{
    sse_http1_refusal refusal = { 0 };
    int code = sse_http1_reading_take(s->read, bytes, len, used, &refusal);

    if (code == SSE_OK || code == SSE_EAGAIN)
        return code;
    if (refusal.status)
        refuse_request(s, &refusal);
    else
        reject(s, 503, "out of memory");
    return SSE_ECLOSED;
}

/* The client waits for our word before it sends the body (RFC 9110 section 10.1.1). */
static void encourage(session *s)
{
    if (!s->expect_continue)
        return;
    s->expect_continue = false;
    send_and_drop(s, sse_frame_raw(SSE_SLICE("HTTP/1.1 100 Continue\r\n\r\n")));
}

/* Understands as much as is there; returns how many bytes were used. Stops at a request being
 * answered, and at those that on_drained goes on with at the end of the turn. */
static size_t consume(session *s, const char *bytes, size_t len)
{
    sse_connection *c = s->connection;
    size_t total = 0;
    int left = REQUESTS_A_TURN;

    while (left > 0 && s->read && !s->exchange && !c->finishing && !sse_connection_ended(c)) {
        size_t used = 0;
        int code = SSE_OK;

        if (!s->read->request) {
            if (sse_connection_pending(c) > 0 || total == len) /* one answer at a time: the client
                                                                * must read it
                                                                */
                break;
            code = take_head(s, bytes + total, len - total, &used);
            if (code)
                break;
            total += used;
        }
        code = take_body(s, bytes + total, len - total, &used);
        total += used;
        if (code == SSE_EAGAIN && total == len)
            encourage(s);
        if (code)
            break;
        dispatch(s);
        left--;
    }
    return total;
}

/* The first byte of a request starts the clock of its head. */
static void begin(session *s)
{
    if (s->begun || s->exchange || reads_body(s) || sse_connection_pending(s->connection) > 0)
        return;
    s->begun = true;
    sse_connection_deadline(s->connection, s->connection->context->limits.head_timeout);
}

/* Requests behind the one at hand hold too much: the connection ends with its answer. */
static void give_up_pipeline(session *s)
{
    s->keep_alive = false;
    drop_reading(s);
}

static void keep_rest(session *s, const char *bytes, size_t len)
{
    if (s->connection->finishing || sse_connection_ended(s->connection))
        return;
    if (s->exchange && (s->exchange->long_lived || !s->keep_alive)) {
        s->keep_alive = false; /* nothing can be answered behind a stream: its end is the
                                  connection's */
        return;
    }
    if (!make_reading(s) || sse_http1_reading_keep(s->read, (sse_slice){ bytes, len }))
        sse_connection_close(s->connection, SSE_END_ERROR);
    else if (s->exchange && sse_bodies_full(s->connection->context))
        give_up_pipeline(s);
    else if (sse_http1_reading_is_large(s->read) && sse_bodies_full(s->connection->context))
        reject(s, 503, SSE_BODIES_FULL);
}

/* Reads on unless too much waits already. */
static void pace(session *s)
{
    sse_connection *c = s->connection;
    bool full = waiting_bytes(s) >= SSE_HTTP1_MAX_WAITING + c->context->limits.max_head;

    if (c->finishing)
        return;
    sse_connection_read(c, !full);
    if (full && s->exchange)
        sse_connection_deadline(c, c->context->limits.idle_timeout);
}

static void consume_waiting(session *s)
{
    size_t used = 0;

    if (waiting_bytes(s) == 0)
        return;
    begin(s);
    used = consume(s, s->read->in.data, s->read->in.len);
    if (!s->read)
        return; /* refused: given up */
    sse_buffer_consume(&s->read->in, used);
    settle_reading(s);
}

static void on_bytes(sse_connection *c, const char *bytes, size_t len)
{
    session *s = c->session;
    size_t used = 0;

    if (s->exchange || waiting_bytes(s) > 0) {
        keep_rest(s, bytes, len);
        if (!s->exchange)
            consume_waiting(s);
    } else if (!make_reading(s)) {
        sse_connection_close(c, SSE_END_ERROR);
    } else {
        begin(s);
        used = consume(s, bytes, len);
        if (used < len)
            keep_rest(s, bytes + used, len - used);
        settle_reading(s);
    }
    pace(s);
}

/* --- the connection's other news ----------------------------------------- */

static void on_eof(sse_connection *c)
{
    session *s = c->session;

    if (!s->exchange) { /* a client that has said all still reads its answers: on_drained follows */
        if (sse_connection_pending(c) == 0 && !c->dirty)
            sse_connection_close(c, SSE_END_CLIENT);
        return;
    }
    if (s->exchange->state == SSE_EXCHANGE_STARTED)
        sse_connection_close(c, SSE_END_CLIENT); /* nobody listens to the rest of the stream */
    else /* half closed or gone, who knows: it is answered, but not waited for without end */
        sse_connection_deadline(c, c->context->limits.idle_timeout);
}

/* A stream begun with further requests behind it: they are given up, and its client is watched
 * again. */
static void drop_waiting(session *s)
{
    s->keep_alive = false;
    drop_reading(s);
    sse_connection_read(s->connection, true);
    sse_connection_deadline(s->connection, 0);
}

/* The answer at hand may have ended meanwhile, and the next may be due. */
static void next_request(session *s)
{
    sse_connection *c = s->connection;

    s->begun = false;
    sse_connection_deadline(c, c->context->limits.idle_timeout);
    consume_waiting(s);
    pace(s);
}

static void on_drained(sse_connection *c)
{
    session *s = c->session;
    sse_exchange *x = s->exchange;

    if (x) {
        if (x->long_lived && c->eof) {
            sse_connection_close(c, SSE_END_CLIENT);
            return;
        }
        if (x->long_lived && s->read)
            drop_waiting(s);
        if (x->on->on_drain)
            x->on->on_drain(x->user);
        return;
    }
    if (reads_body(s)) /* 100 Continue went out, and took the deadline with it where it had to wait
                        */
        sse_connection_deadline(c, c->context->limits.body_timeout);
    else
        next_request(s);
    if (c->eof && !c->dirty && !s->exchange && !sse_connection_ended(c) &&
        sse_connection_pending(c) == 0)
        sse_connection_close(c, SSE_END_CLIENT); /* and what is left is no whole request */
}

static void on_deadline(sse_connection *c)
{
    session *s = c->session;

    if (s->exchange) { /* set where reading has stopped, so that a client that left goes unseen */
        if (sse_connection_broken(c) || (c->eof && s->exchange->state == SSE_EXCHANGE_OPEN))
            sse_connection_close(c, SSE_END_CLIENT);
        else
            sse_connection_deadline(c, c->context->limits.idle_timeout);
        return;
    }
    if (reads_body(s))
        reject(s, 408, "the body did not arrive in time");
    else if (s->begun)
        reject(s, 408, "the request head did not arrive in time");
    else
        sse_connection_close(c, SSE_END_TIMEOUT);
}

static void on_closed(sse_connection *c, sse_reason reason)
{
    session *s = c->session;

    if (s->exchange)
        sse_exchange_end(s->exchange, reason);
    drop_reading(s);
    sse_slab_give(&c->context->sessions, s);
}

/* An answer under way, and a request that has begun to arrive, are the last. */
static void on_drain(sse_connection *c)
{
    session *s = c->session;

    s->keep_alive = false;
    if (s->exchange)
        sse_exchange_want_end(s->exchange);
    else if (!s->begun && s->served)
        sse_connection_finish(c);
    else if (!s->begun) /* its first request may be on its way */
        sse_connection_deadline(c, SSE_UNUSED_MS);
}

static const sse_protocol protocol = { .on_bytes = on_bytes,
                                       .on_eof = on_eof,
                                       .on_drained = on_drained,
                                       .on_deadline = on_deadline,
                                       .on_closed = on_closed,
                                       .on_drain = on_drain };

/* --- birth --------------------------------------------------------------- */

static session *attach(sse_connection *c)
{
    session *s = sse_slab_take(&c->context->sessions, sizeof *s);

    if (!s)
        return NULL;
    s->connection = c;
    c->protocol = &protocol;
    c->session = s;
    return s;
}

int sse_http1_session_start(sse_connection *c)
{
    if (!attach(c))
        return SSE_ENOMEM;
    sse_connection_deadline(c, c->context->limits.idle_timeout);
    sse_connection_read(c, true);
    return SSE_OK;
}

void sse_http1_session_refuse(sse_connection *c, int status, const char *reason)
{
    session *s = attach(c);

    if (s)
        refuse(s, status, reason);
    else
        sse_connection_close(c, SSE_END_ERROR);
}
