#include "session.h"

#include <stdlib.h>

#include "backlog.h"
#include "dispatch.h"
#include "receive.h"
#include "request_windows.h"
#include "schedule.h"
#include "send.h"
#include "shutdown.h"
#include "stream.h"

#define WINDOW        (1 << 20)         /* the connection's, for request bodies, bytes */
#define MAX_SEND_HEAD ((size_t)1 << 20) /* bytes; response_head.c's limit is lower */

/* --- timeouts ------------------------------------------------------------ */

/* Ends a stream at its deadline. */
static void end_timed_out(sse_http2_stream *t)
{
    bool whole = t->complete && sse_queue_bytes(&t->out) == 0;

    if (t->exchange)
        sse_http2_context(t->session)->count.http2_starved++;
    sse_http2_stream_end(t, SSE_END_TIMEOUT);
    sse_http2_stream_reset(t, whole ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
}

/* Ends the streams whose deadline is over, sends the final GOAWAY if that is due, and sets the
 * timer for the earliest of what is left. */
static void on_timer(sse_deadline *d)
{
    sse_http2_session *s = SSE_CONTAINER_OF(d, sse_http2_session, timer);
    uint64_t now = sse_loop_seen(sse_http2_context(s)->loop), next = 0;

    if (sse_timer_wheel_excuse(&sse_http2_context(s)->wheel, d))
        return;
    if (s->goaway_at && s->goaway_at <= now)
        sse_http2_shutdown_finish(s);
    next = s->goaway_at;
    for (sse_http2_stream *t = s->streams; t; t = t->next) {
        if (t->deadline && t->deadline <= now)
            end_timed_out(t);
        if (t->deadline && (!next || t->deadline < next))
            next = t->deadline;
    }
    if (next)
        sse_http2_schedule_timer(s, next);
}

/* --- ending a session ---------------------------------------------------- */

static void end_streams(sse_http2_session *s, sse_reason reason)
{
    for (sse_http2_stream *t = s->streams; t; t = t->next)
        sse_http2_stream_end(t, reason);
}

/* Sends a last GOAWAY with an error code of HTTP/2, and finishes the connection. */
static void end_session(sse_http2_session *s, uint32_t error, sse_reason reason)
{
    sse_connection *c = s->connection;

    end_streams(s, reason);
    if (nghttp2_session_terminate_session(s->nghttp2, error)) {
        sse_connection_close(c, SSE_END_ERROR);
        return;
    }
    sse_connection_flush(c, false);
    sse_connection_finish(c);
}

/* The counter of the flood that made nghttp2_session_mem_recv fail with the code, or NULL. nghttp2
 * has limits of its own: of queued ACKs of PING and SETTINGS, and of header blocks. */
static uint64_t *flood_of(const sse_http2_session *s, ssize_t code)
{
    sse_counters *count = &sse_http2_context(s)->count;

    if (s->flood_limits.exceeded)
        return s->flood_limits.exceeded;
    if (code == NGHTTP2_ERR_FLOODED)
        return &count->http2_floods;
    return s->partial_heads > 0 && code != NGHTTP2_ERR_NOMEM ? &count->http2_header_floods : NULL;
}

/* nghttp2_session_mem_recv has failed with the code: ends the session. */
static void fail_session(sse_http2_session *s, ssize_t code)
{
    uint64_t *flood = s->broke_protocol ? NULL : flood_of(s, code);
    uint32_t error = s->broke_protocol ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_INTERNAL_ERROR;

    if (flood)
        ++*flood;
    if (sse_connection_ended(s->connection))
        return;
    if (code == NGHTTP2_ERR_NOMEM || code == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
        sse_connection_close(s->connection, SSE_END_ERROR);
    else
        end_session(s, flood ? NGHTTP2_ENHANCE_YOUR_CALM : error, SSE_END_ERROR);
}

/* Finishes the connection if nghttp2 neither sends nor receives any more: after a last GOAWAY,
 * which nghttp2 also sends by itself for a protocol error. Streams that are still open then are cut
 * off: by the server where it closes the connection, else by the error. */
static void finish_if_done(sse_http2_session *s)
{
    if (nghttp2_session_want_read(s->nghttp2) || nghttp2_session_want_write(s->nghttp2))
        return;
    end_streams(s, s->closing ? SSE_END_SERVER : SSE_END_ERROR);
    sse_connection_finish(s->connection);
}

/* --- sending ------------------------------------------------------------- */

/* After a flush: a stream that has sent all leaves `pending`; one that could not, because a
 * flow-control window is closed, gets write_timeout. */
static void update_pending(sse_http2_session *s)
{
    sse_http2_stream *next = NULL;

    for (sse_http2_stream *t = s->pending; t; t = next) {
        next = t->next_pending;
        if (sse_queue_bytes(&t->out) == 0) {
            if (!t->notify_drain)
                sse_http2_stream_clear_pending(t);
        } else if (!t->deadline && !s->flush_partial) {
            t->deadline = sse_http2_now(s) + sse_http2_context(s)->limits.write_timeout;
            sse_http2_schedule_timer(s, t->deadline);
        }
    }
}

static bool on_flush(sse_connection *c)
{
    sse_http2_session *s = c->session;
    int code = 0;

    if (s->in_nghttp2)
        return false; /* asked for within a callback: the end of the turn flushes */
    s->flush_wanted = s->flush_partial = false;
    sse_http2_submit_heads(s);
    s->in_nghttp2 = true;
    code = s->failed ? NGHTTP2_ERR_NOMEM : nghttp2_session_send(s->nghttp2);
    s->in_nghttp2 = false;
    sse_frame_unref(s->buffer);
    s->buffer = NULL;
    if (code) {
        sse_connection_close(c, SSE_END_ERROR);
        return false;
    }
    update_pending(s);
    finish_if_done(s);
    return s->flush_partial;
}

/* Calls on_drain of the streams whose response is sent as far as it is given. All are noted before
 * the first is called, since a handler may end or fill any stream. */
static void notify_drained(sse_http2_session *s)
{
    sse_http2_stream *list = NULL, *next = NULL;

    for (sse_http2_stream *t = s->pending; t; t = next) {
        next = t->next_pending;
        if (!t->notify_drain || sse_queue_bytes(&t->out) > 0 || t->head)
            continue;
        t->notify_drain = false;
        sse_http2_stream_clear_pending(t);
        if (!t->exchange || !t->exchange->on->on_drain)
            continue;
        t->next_pending = list; /* as in `pending`, so that a stream that ends leaves the list */
        t->pending_link = &list;
        if (list)
            list->pending_link = &t->next_pending;
        list = t;
    }
    while (list) {
        sse_http2_stream *t = list;

        sse_http2_stream_clear_pending(t);
        if (sse_queue_bytes(&t->out) > 0)
            sse_http2_stream_set_pending(t); /* a handler called before has sent on it */
        if (t->exchange)
            t->exchange->on->on_drain(t->exchange->user);
    }
}

static void on_drained(sse_connection *c)
{
    sse_http2_session *s = c->session;

    if (!c->deadline.link)
        sse_http2_schedule_deadline(s); /* the write's deadline has replaced it */
    notify_drained(s);
    sse_http2_dispatch(s);
    if (s->flush_wanted || s->flush_partial)
        sse_connection_schedule_flush(c);
}

/* --- receiving ----------------------------------------------------------- */

static int on_stream_closed(nghttp2_session *nghttp2, int32_t id, uint32_t error, void *user)
{
    sse_http2_session *s = user;
    sse_http2_stream *t = nghttp2_session_get_stream_user_data(nghttp2, id);

    (void)error;
    if (!t)
        return 0;
    sse_http2_stream_close(t, SSE_END_CLIENT);
    if (s->partial_heads == 0) /* else the deadline of a head runs, and must not restart */
        sse_http2_schedule_deadline(s);
    return 0;
}

static void on_bytes(sse_connection *c, const char *bytes, size_t len)
{
    sse_http2_session *s = c->session;
    ssize_t n = 0;

    s->in_nghttp2 = true;
    n = nghttp2_session_mem_recv(s->nghttp2, (const uint8_t *)bytes, len);
    s->in_nghttp2 = false;
    if (n < 0) {
        fail_session(s, n);
        return;
    }
    sse_http2_dispatch(s);
    sse_http2_schedule_flush(s);
}

/* --- callbacks of the connection ----------------------------------------- */

/* A client that sends no more can't open a flow-control window either. */
static void on_eof(sse_connection *c)
{
    sse_connection_close(c, SSE_END_CLIENT);
}

static void on_deadline(sse_connection *c)
{
    sse_http2_session *s = c->session;

    if (s->partial_heads > 0)
        end_session(s, NGHTTP2_ENHANCE_YOUR_CALM, SSE_END_TIMEOUT);
    else if (s->stream_count == 0)
        end_session(s, NGHTTP2_NO_ERROR, SSE_END_TIMEOUT);
}

static void on_closing(sse_connection *c)
{
    sse_http2_session *s = c->session;

    s->closing = true;
    if (nghttp2_session_terminate_session(s->nghttp2, NGHTTP2_NO_ERROR))
        s->failed = true;
}

static void on_shutdown(sse_connection *c)
{
    sse_http2_shutdown_start(c->session);
}

static void each_exchange(sse_connection *c, void (*fn)(void *arg, sse_exchange *x), void *arg)
{
    const sse_http2_session *s = c->session;

    for (sse_http2_stream *t = s->streams; t; t = t->next)
        if (t->exchange)
            fn(arg, t->exchange);
}

static void free_session(sse_http2_session *s)
{
    if (s->nghttp2)
        nghttp2_session_del(s->nghttp2);
    free(s);
}

static void on_closed(sse_connection *c, sse_reason reason)
{
    sse_http2_session *s = c->session;

    while (s->streams)
        sse_http2_stream_free(s->streams, reason);
    sse_timer_wheel_cancel(&c->context->wheel, &s->timer);
    sse_frame_unref(s->buffer);
    c->context->count.http2_connections--;
    free_session(s);
}

static const sse_protocol protocol = {
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_drained = on_drained,
    .on_deadline = on_deadline,
    .on_closed = on_closed,
    .on_flush = on_flush,
    .on_closing = on_closing,
    .on_shutdown = on_shutdown,
    .backlog = sse_http2_backlog,
    .on_overload = sse_http2_on_overload,
    .on_room = sse_http2_on_room,
    .each_exchange = each_exchange,
};

/* --- starting a session -------------------------------------------------- */

static void set_callbacks(nghttp2_session_callbacks *callbacks)
{
    sse_http2_set_receive_callbacks(callbacks);
    sse_http2_set_send_callbacks(callbacks);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_closed);
}

static int create_nghttp2(sse_http2_session *s)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = NULL;
    int code = nghttp2_session_callbacks_new(&callbacks);

    if (!code)
        code = nghttp2_option_new(&option);
    if (!code) {
        set_callbacks(callbacks);
        nghttp2_option_set_no_auto_window_update(option, 1);
        nghttp2_option_set_no_closed_streams(option, 1);
        nghttp2_option_set_max_send_header_block_length(option, MAX_SEND_HEAD);
        code = nghttp2_session_server_new2(&s->nghttp2, callbacks, s, option);
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return code;
}

static int send_settings(sse_http2_session *s)
{
    const sse_limits *limits = &sse_http2_context(s)->limits;
    nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->max_concurrent_requests },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->max_head_size },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, sse_http2_initial_window(limits) },
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
    };
    int code = nghttp2_submit_settings(s->nghttp2, NGHTTP2_FLAG_NONE, settings,
                                       sizeof settings / sizeof *settings);

    if (!code)
        code = nghttp2_session_set_local_window_size(s->nghttp2, NGHTTP2_FLAG_NONE, 0, WINDOW);
    return code;
}

int sse_http2_session_start(sse_connection *c)
{
    sse_http2_session *s = calloc(1, sizeof *s);

    if (!s)
        return SSE_ENOMEM;
    s->connection = c;
    s->readers_tail = &s->readers;
    s->timer.call = on_timer;
    if (create_nghttp2(s) || send_settings(s)) {
        free_session(s);
        return SSE_ENOMEM;
    }
    c->session = s;
    c->protocol = &protocol;
    c->context->count.http2_connections++;
    sse_connection_set_reading(c, true);
    sse_http2_schedule_deadline(s);
    sse_http2_schedule_flush(s);
    if (c->context->shutdown.on)
        on_shutdown(c); /* requests that come within SSE_UNUSED_MS are served */
    return SSE_OK;
}
