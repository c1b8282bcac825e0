#include "receive.h"

#include <stdio.h>

#include "../http/record.h"
#include "../http/recording.h"
#include "../http/visitor.h"
#include "../wire/http1_body.h"
#include "../wire/http1_head.h"
#include "response.h"

/* Requests of one connection that are handed over in one turn. Then other connections are served;
 * the rest is parsed from on_drained. */
enum { REQUESTS_A_TURN = 8 };

static bool ensure_reader(sse_http1_session *s)
{
    if (!s->reader)
        s->reader = sse_http1_reader_new(s->connection->context);
    return s->reader != NULL;
}

/* An idle connection has no reader. */
static void drop_idle_reader(sse_http1_session *s)
{
    if (s->reader && !s->reader->request && s->reader->in.len == 0)
        sse_http1_drop_reader(s);
}

void sse_http1_reject_head(sse_http1_session *s, int status, const char *reason, sse_slice bytes)
{
    if (s->reader && !s->reader->request)
        s->reader->request = sse_recording_unread_line(s->connection->context, bytes);
    sse_http1_reject(s, status, reason);
}

/* Rejects a request as its parser says. */
static void reject_as(sse_http1_session *s, const sse_http1_refusal *refusal)
{
    char text[80];

    snprintf(text, sizeof text, "the body is larger than %llu bytes (max_body_size)",
             (unsigned long long)s->connection->context->limits.max_body_size);
    sse_http1_reject(s, refusal->status, refusal->status == 413 ? text : refusal->reason);
}

/* Hands the whole request that the reader holds over to context->on_request. */
static void dispatch(sse_http1_session *s)
{
    sse_context *context = s->connection->context;
    sse_exchange *x = NULL;
    void *entry = NULL;

    if (!sse_visitor_enter(context, s->reader->request, &entry)) {
        sse_http1_refuse_connection(s);
        return;
    }
    x = sse_exchange_new(context, &sse_http1_transport, s, s->reader->request);
    if (!x) {
        if (entry)
            context->leave_address(context->user, entry);
        sse_http1_reject(s, 503, "out of memory");
        return;
    }
    sse_exchange_count(x, entry);
    s->reader->request = NULL;
    s->request_started = false;
    s->had_request = true;
    s->exchange = x;
    s->chunked = false;
    s->connection->out.payload_only = false;
    sse_connection_set_deadline(s->connection, 0);
    context->count.requests++;
    context->on_request(context->user, x);
}

/* max_bodies is exceeded, and this connection's body is the newest one. */
static void reject_body(void *owner)
{
    sse_http1_reject(owner, 503, SSE_BODIES_FULL);
}

/* Parses a request head. SSE_OK: *used bytes were the head, and reader->request is set. SSE_EAGAIN:
 * the head is not whole. SSE_ECLOSED: the request was rejected. */
static int parse_head(sse_http1_session *s, const char *bytes, size_t len, size_t *used)
{
    const sse_limits *limits = &s->connection->context->limits;
    sse_http1_limits bounds = { limits->max_head_size, limits->max_target };
    sse_http1_refusal refusal = { 0 };
    sse_http1_head head;
    size_t extra = 0;
    int code =
        sse_http1_parse_head(bytes, len, &bounds, &s->reader->scanned, &head, used, &refusal);

    if (code == SSE_EAGAIN)
        return code;
    if (code) {
        sse_http1_reject_head(s, refusal.status, refusal.reason, (sse_slice){ bytes, len });
        return SSE_ECLOSED;
    }
    s->reader->scanned = 0;
    /* What the head leaves of max_head_size is for chunk extensions and trailers. *used may be more
     * than
     * max_head_size, because it counts empty lines before the head. */
    extra = *used < limits->max_head_size ? limits->max_head_size - *used : 0;
    s->reader->request = sse_request_new(&head, (size_t)limits->max_body_size);
    if (!s->reader->request) {
        sse_http1_reject(s, 503, "out of memory");
        return SSE_ECLOSED;
    }
    sse_record_begin(s->connection->context, s->reader->request);
    sse_visitor_find(s->connection, s->reader->request);
    if (s->connection->refused) {
        sse_http1_refuse_connection(s);
        return SSE_ECLOSED;
    }
    if (!sse_visitor_is_served(s->connection->context, s->reader->request)) {
        sse_http1_reject(s, 421, SSE_NOT_SERVED);
        return SSE_ECLOSED;
    }
    if (sse_http1_body_init(&s->reader->body, &head, limits->max_body_size, extra, &refusal)) {
        reject_as(s, &refusal);
        return SSE_ECLOSED;
    }
    if (sse_bodies_count_request(s->connection->context, s->reader->request,
                                 s->reader->body.done)) {
        sse_http1_reject(s, 503, SSE_BODIES_FULL);
        return SSE_ECLOSED;
    }
    s->keep_alive = head.keep_alive && !s->connection->context->shutdown.on;
    s->expect_continue = head.expect_continue && !s->reader->body.done;
    if (!s->reader->body.done) {
        sse_incoming_body_begin(s->connection->context, &s->reader->incoming, s, reject_body);
        sse_connection_set_deadline(s->connection, limits->body_timeout);
    }
    return SSE_OK;
}

/* Takes bytes of the body, *used of them. SSE_OK: the request is whole. SSE_EAGAIN: it is not.
 * SSE_ECLOSED: it was rejected. */
static int take_body(sse_http1_session *s, const char *bytes, size_t len, size_t *used)
{
    sse_http1_refusal refusal = { 0 };
    int code = sse_http1_reader_take_body(s->reader, bytes, len, used, &refusal);

    if (code == SSE_OK || code == SSE_EAGAIN)
        return code;
    if (refusal.status)
        reject_as(s, &refusal);
    else
        sse_http1_reject(s, 503, "out of memory");
    return SSE_ECLOSED;
}

/* Parses requests and hands them over, until one is being answered, REQUESTS_A_TURN were handed
 * over, or the bytes end. Returns how many bytes were used. */
static size_t process_requests(sse_http1_session *s, const char *bytes, size_t len)
{
    sse_connection *c = s->connection;
    size_t total = 0;
    int left = REQUESTS_A_TURN;

    while (left > 0 && s->reader && !s->exchange && sse_connection_takes_requests(c)) {
        size_t used = 0;
        int code = SSE_OK;

        if (!s->reader->request) {
            /* A client that does not read its last response gets no other one. */
            if (sse_connection_pending(c) > 0 || total == len)
                break;
            code = parse_head(s, bytes + total, len - total, &used);
            if (code)
                break;
            total += used;
        }
        code = take_body(s, bytes + total, len - total, &used);
        total += used;
        if (code == SSE_EAGAIN && total == len)
            sse_http1_send_continue(s);
        if (code)
            break;
        dispatch(s);
        left--;
    }
    return total;
}

/* Starts head_timeout, unless the head has begun to arrive before. The time in which another
 * request is answered, or its response written, does not count. */
static void start_head_timer(sse_http1_session *s)
{
    if (s->request_started || s->exchange || sse_http1_receiving_body(s) ||
        sse_connection_pending(s->connection) > 0)
        return;
    s->request_started = true;
    sse_connection_set_deadline(s->connection, s->connection->context->limits.head_timeout);
}

/* Buffers bytes that can't be parsed now, or drops them where no request may follow the current
 * one. Past max_bodies pipelined requests are dropped, and a large incomplete head is rejected. */
static void buffer_rest(sse_http1_session *s, const char *bytes, size_t len)
{
    if (s->connection->finishing || sse_connection_ended(s->connection))
        return;
    if (s->exchange && (s->exchange->long_lived || !s->keep_alive)) {
        s->keep_alive = false;
        return;
    }
    if (!ensure_reader(s) || sse_http1_reader_buffer(s->reader, (sse_slice){ bytes, len })) {
        sse_connection_close(s->connection, SSE_END_ERROR);
    } else if (s->exchange && sse_bodies_full(s->connection->context)) {
        s->keep_alive = false;
        sse_http1_drop_reader(s);
    } else if (sse_http1_reader_is_large(s->reader) && sse_bodies_full(s->connection->context)) {
        sse_http1_reject(s, 503, SSE_BODIES_FULL);
    }
}

/* Stops reading from the socket while as much is buffered as is allowed. Without reading, the end
 * of the client is not noticed: so idle_timeout runs meanwhile, and the session's on_deadline
 * checks the socket for an error. */
static void pace_reading(sse_http1_session *s)
{
    sse_connection *c = s->connection;
    bool full = sse_http1_buffered(s) >= SSE_HTTP1_MAX_PIPELINED + c->context->limits.max_head_size;

    if (c->finishing)
        return;
    sse_connection_set_reading(c, !full);
    if (full && s->exchange)
        sse_connection_set_deadline(c, c->context->limits.idle_timeout);
}

/* Parses what is buffered, as process_requests does. */
static void process_buffered(sse_http1_session *s)
{
    size_t used = 0;

    if (sse_http1_buffered(s) == 0)
        return;
    start_head_timer(s);
    used = process_requests(s, s->reader->in.data, s->reader->in.len);
    if (!s->reader)
        return; /* a request was rejected */
    sse_buffer_consume(&s->reader->in, used);
    drop_idle_reader(s);
}

void sse_http1_receive(sse_http1_session *s, const char *bytes, size_t len)
{
    size_t used = 0;

    if (s->exchange || sse_http1_buffered(s) > 0) {
        buffer_rest(s, bytes, len);
        if (!s->exchange)
            process_buffered(s);
    } else if (!ensure_reader(s)) {
        sse_connection_close(s->connection, SSE_END_ERROR);
    } else {
        start_head_timer(s);
        used = process_requests(s, bytes, len);
        if (used < len)
            buffer_rest(s, bytes + used, len - used);
        drop_idle_reader(s);
    }
    pace_reading(s);
}

void sse_http1_receive_next(sse_http1_session *s)
{
    sse_connection *c = s->connection;

    s->request_started = false;
    sse_connection_set_deadline(c, c->context->limits.idle_timeout);
    process_buffered(s);
    pace_reading(s);
}
