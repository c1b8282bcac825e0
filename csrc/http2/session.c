#include "session.h"

#include <stdlib.h>

#include "debt.h"
#include "dispatch.h"
#include "receive.h"
#include "request_windows.h"
#include "schedule.h"
#include "send.h"
#include "shutdown.h"
#include "stream.h"

#define WINDOW        (1 << 20)         /* bytes of all bodies of a connection on their way to us */
#define MAX_SEND_HEAD ((size_t)1 << 20) /* the answer's own limit is lower */

/* --- what is due --------------------------------------------------------- */

/* A stream that could not send for too long, or was given no more time. */
static void end_late(sse_http2_stream *t)
{
    bool whole = t->finished && sse_queue_bytes(&t->out) == 0;

    if (t->exchange)
        sse_http2_context(t->session)->count.http2_starved++;
    sse_http2_stream_lose(t, SSE_END_TIMEOUT);
    sse_http2_stream_reset(t, whole ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL);
}

static void on_watch(sse_deadline *d)
{
    sse_http2 *s = SSE_OWNER(d, sse_http2, watch);
    uint64_t now = sse_http2_now(s), next = 0;

    if (s->drain_due && s->drain_due <= now)
        sse_http2_shutdown_finish(s);
    next = s->drain_due;
    for (sse_http2_stream *t = s->streams; t; t = t->next) {
        if (t->due && t->due <= now)
            end_late(t);
        if (t->due && (!next || t->due < next))
            next = t->due;
    }
    if (next)
        sse_http2_watch(s, next);
}

/* --- ends ---------------------------------------------------------------- */

static void lose_all(sse_http2 *s, sse_reason reason)
{
    for (sse_http2_stream *t = s->streams; t; t = t->next)
        sse_http2_stream_lose(t, reason);
}

/* The connection's last word, and why. */
static void end_session(sse_http2 *s, uint32_t error, sse_reason reason)
{
    sse_connection *c = s->connection;

    lose_all(s, reason);
    if (nghttp2_session_terminate_session(s->engine, error)) {
        sse_connection_close(c, SSE_END_ERROR);
        return;
    }
    sse_connection_flush(c, false);
    sse_connection_finish(c);
}

/* What the client sent can't be gone on with. */
static void break_off(sse_http2 *s, ssize_t code)
{
    sse_counters *count = &sse_http2_context(s)->count;

    if (!s->guard.count && code == NGHTTP2_ERR_FLOODED)
        s->guard.count = &count->http2_floods; /* answers to PING and SETTINGS pile up */
    else if (!s->guard.count && s->heads > 0 && code != NGHTTP2_ERR_NOMEM)
        s->guard.count = &count->http2_header_floods; /* the engine has limits too */
    if (s->guard.count)
        ++*s->guard.count;
    if (sse_connection_ended(s->connection))
        return;
    if (code == NGHTTP2_ERR_NOMEM || code == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
        sse_connection_close(s->connection, SSE_END_ERROR);
    else
        end_session(s, s->guard.count ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_INTERNAL_ERROR,
                    SSE_END_ERROR);
}

/* Nothing can come or go any more. */
static void settle(sse_http2 *s)
{
    if (nghttp2_session_want_read(s->engine) || nghttp2_session_want_write(s->engine))
        return;
    lose_all(s, s->closing ? SSE_END_SERVER : SSE_END_ERROR);
    sse_connection_finish(s->connection);
}

/* --- writing ------------------------------------------------------------- */

/* What has gone needs no more care; what could not go has until `due`. */
static void look_after(sse_http2 *s)
{
    sse_http2_stream *next = NULL;

    for (sse_http2_stream *t = s->busy; t; t = next) {
        next = t->next_busy;
        if (sse_queue_bytes(&t->out) == 0) {
            if (!t->tell)
                sse_http2_stream_idle(t);
        } else if (!t->due && !s->more) {
            t->due = sse_http2_now(s) + sse_http2_context(s)->limits.write_timeout;
            sse_http2_watch(s, t->due);
        }
    }
}

static bool on_flush(sse_connection *c)
{
    sse_http2 *s = c->session;
    int code = 0;

    if (s->inside)
        return false; /* the end of the turn will do */
    s->wanted = s->more = false;
    sse_http2_submit_heads(s);
    s->inside = true;
    code = s->failed ? NGHTTP2_ERR_NOMEM : nghttp2_session_send(s->engine);
    s->inside = false;
    sse_frame_unref(s->block);
    s->block = NULL;
    if (code) {
        sse_connection_close(c, SSE_END_ERROR);
        return false;
    }
    look_after(s);
    settle(s);
    return s->more;
}

/* The socket has all: those who wait may send again. */
static void tell_drained(sse_http2 *s)
{
    sse_http2_stream *list = NULL, *next = NULL;

    for (sse_http2_stream *t = s->busy; t; t = next) {
        next = t->next_busy;
        if (!t->tell || sse_queue_bytes(&t->out) > 0 || t->head)
            continue;
        t->tell = false;
        sse_http2_stream_idle(t);
        if (!t->exchange || !t->exchange->on->on_drain)
            continue;
        t->next_busy = list; /* still a list that a stream leaves when it goes */
        t->busy_link = &list;
        if (list)
            list->busy_link = &t->next_busy;
        list = t;
    }
    while (list) {
        sse_http2_stream *t = list;

        sse_http2_stream_idle(t);
        if (sse_queue_bytes(&t->out) > 0)
            sse_http2_stream_busy(t); /* sent by one of those told before it */
        if (t->exchange)
            t->exchange->on->on_drain(t->exchange->user);
    }
}

static void on_drained(sse_connection *c)
{
    sse_http2 *s = c->session;

    if (!c->deadline.link)
        sse_http2_set_deadline(s); /* a full socket took it */
    tell_drained(s);
    sse_http2_dispatch(s);
    if (s->wanted || s->more)
        sse_connection_wake(c);
}

/* --- reading ------------------------------------------------------------- */

static int on_stream_closed(nghttp2_session *engine, int32_t id, uint32_t error, void *user)
{
    sse_http2 *s = user;
    sse_http2_stream *t = nghttp2_session_get_stream_user_data(engine, id);

    (void)error;
    if (!t)
        return 0;
    sse_http2_stream_closed(t, SSE_END_CLIENT);
    if (s->heads == 0) /* else a head's runs: others' ends give it no more time */
        sse_http2_set_deadline(s);
    return 0;
}

static void on_bytes(sse_connection *c, const char *bytes, size_t len)
{
    sse_http2 *s = c->session;
    ssize_t n = 0;

    s->inside = true;
    n = nghttp2_session_mem_recv(s->engine, (const uint8_t *)bytes, len);
    s->inside = false;
    if (n < 0) {
        break_off(s, n);
        return;
    }
    sse_http2_dispatch(s);
    sse_http2_wake(s);
}

/* --- the connection's other news ----------------------------------------- */

/* It can't even give us room any more: the client has gone. */
static void on_eof(sse_connection *c)
{
    sse_connection_close(c, SSE_END_CLIENT);
}

static void on_deadline(sse_connection *c)
{
    sse_http2 *s = c->session;

    if (s->heads > 0)
        end_session(s, NGHTTP2_ENHANCE_YOUR_CALM, SSE_END_TIMEOUT);
    else if (s->count == 0)
        end_session(s, NGHTTP2_NO_ERROR, SSE_END_TIMEOUT);
}

static void on_closing(sse_connection *c)
{
    sse_http2 *s = c->session;

    s->closing = true;
    if (nghttp2_session_terminate_session(s->engine, NGHTTP2_NO_ERROR))
        s->failed = true;
}

static void on_drain(sse_connection *c)
{
    sse_http2_shutdown_start(c->session);
}

static void free_session(sse_http2 *s)
{
    if (s->engine)
        nghttp2_session_del(s->engine);
    free(s);
}

static void on_closed(sse_connection *c, sse_reason reason)
{
    sse_http2 *s = c->session;

    while (s->streams)
        sse_http2_stream_free(s->streams, reason);
    sse_timer_wheel_cancel(&c->context->wheel, &s->watch);
    sse_frame_unref(s->block);
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
    .on_drain = on_drain,
    .debt = sse_http2_debt,
    .on_debt = sse_http2_on_debt,
    .on_room = sse_http2_on_room,
};

/* --- birth --------------------------------------------------------------- */

static void set_callbacks(nghttp2_session_callbacks *callbacks)
{
    sse_http2_set_receive_callbacks(callbacks);
    sse_http2_set_send_callbacks(callbacks);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_closed);
}

static int make_engine(sse_http2 *s)
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
        code = nghttp2_session_server_new2(&s->engine, callbacks, s, option);
    }
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(callbacks);
    return code;
}

static int greet(sse_http2 *s)
{
    const sse_limits *limits = &sse_http2_context(s)->limits;
    nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits->max_concurrent_streams },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->max_head },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, sse_http2_first_window(limits) },
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
    };
    int code = nghttp2_submit_settings(s->engine, NGHTTP2_FLAG_NONE, settings,
                                       sizeof settings / sizeof *settings);

    if (!code)
        code = nghttp2_session_set_local_window_size(s->engine, NGHTTP2_FLAG_NONE, 0, WINDOW);
    return code;
}

int sse_http2_session_start(sse_connection *c)
{
    sse_http2 *s = calloc(1, sizeof *s);

    if (!s)
        return SSE_ENOMEM;
    s->connection = c;
    s->reading_tail = &s->reading;
    s->watch.call = on_watch;
    if (make_engine(s) || greet(s)) {
        free_session(s);
        return SSE_ENOMEM;
    }
    c->session = s;
    c->protocol = &protocol;
    c->context->count.http2_connections++;
    sse_connection_read(c, true);
    sse_http2_set_deadline(s);
    sse_http2_wake(s);
    if (c->context->draining.on)
        on_drain(c); /* what comes within a second is served */
    return SSE_OK;
}

void sse_http2_session_refuse(sse_connection *c)
{
    end_session(c->session, NGHTTP2_ENHANCE_YOUR_CALM, SSE_END_SERVER);
}
