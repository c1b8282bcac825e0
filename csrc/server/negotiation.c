#include "negotiation.h"

#include "../http1/session.h"
#include "../http2/session.h"
#include "detection.h"

#define ALPN "\x02h2\x08http/1.1\x08http/1.0"

const sse_slice sse_negotiation_alpn = { ALPN, sizeof ALPN - 1 };

/* --- over TLS ------------------------------------------------------------ */

static bool speaks_http2(const sse_connection *c)
{
    return sse_slice_is(sse_tls_alpn(c->tls), "h2");
}

static void on_bytes(sse_connection *c, const char *bytes, size_t len)
{
    if (sse_tls_is_plain(c->tls)) {
        sse_connection_drop_tls(c);
        sse_http1_session_refuse(c, 400, "this port speaks HTTPS: use https://");
    } else if (!c->admitted && !speaks_http2(c)) {
        sse_http1_session_refuse(c, 503, "too many connections");
    } else if (speaks_http2(c) ? sse_http2_session_start(c) : sse_http1_session_start(c)) {
        sse_connection_close(c, SSE_END_ERROR);
    } else if (!c->admitted) {
        sse_http2_session_refuse(c);
    } else {
        c->protocol->on_bytes(c, bytes, len);
    }
}

static void on_eof(sse_connection *c)
{
    sse_connection_close(c, SSE_END_CLIENT);
}

static void on_nothing(sse_connection *c)
{
    (void)c;
}

static void on_idle(sse_connection *c)
{
    sse_connection_close(c, SSE_END_TIMEOUT);
}

static void on_closed(sse_connection *c, sse_reason reason)
{
    (void)c;
    (void)reason;
}

/* Its first request may be on its way. */
static void on_shutdown(sse_connection *c)
{
    if (sse_tls_established(c->tls))
        sse_connection_set_deadline(c, SSE_UNUSED_MS);
}

static const sse_protocol waiting = {
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_drained = on_nothing,
    .on_deadline = on_idle,
    .on_closed = on_closed,
    .on_shutdown = on_shutdown,
};

/* Browsers connect before they know what to ask for: once the handshake is done that is idleness.
 */
static void on_deadline(sse_connection *c)
{
    const sse_limits *limits = &c->context->limits;

    if (!sse_tls_established(c->tls) && sse_tls_has_unread(c->tls)) {
        sse_connection_set_deadline(c, limits->head_timeout); /* others' handshakes took the time */
        return;
    }
    if (!sse_tls_established(c->tls) || limits->idle_timeout <= limits->head_timeout ||
        c->context->shutdown.on) {
        sse_connection_close(c, SSE_END_TIMEOUT);
        return;
    }
    c->protocol = &waiting;
    sse_connection_set_deadline(c, limits->idle_timeout - limits->head_timeout);
}

static const sse_protocol negotiation = {
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_drained = on_nothing,
    .on_deadline = on_deadline,
    .on_closed = on_closed,
    .on_shutdown = on_shutdown,
};

/* --- birth --------------------------------------------------------------- */

/* The session follows with the first bytes. */
static int secure(sse_connection *c, sse_tls_context *tls)
{
    int code = sse_connection_start_tls(c, tls);

    if (code)
        return code;
    sse_connection_set_deadline(c, c->context->limits.head_timeout);
    sse_connection_set_reading(c, true);
    return SSE_OK;
}

int sse_negotiation_accept(sse_context *context, evutil_socket_t fd, sse_tls_context *tls,
                           sse_connection **out)
{
    sse_connection *c = NULL;
    int code = sse_connection_new(context, fd, &negotiation, &c);

    if (code)
        return code;
    code = tls ? secure(c, tls) : sse_detection_start(c);
    if (code)
        sse_connection_close(c, SSE_END_ERROR);
    else
        context->count.accepted++;
    *out = c;
    return SSE_OK;
}

int sse_negotiation_refuse(sse_context *context, evutil_socket_t fd, sse_tls_context *tls)
{
    sse_connection *c = NULL;
    int code = sse_connection_new(context, fd, &negotiation, &c);

    if (code)
        return code;
    if (!tls)
        sse_http1_session_refuse(c, 503, "too many connections");
    else if (secure(c, tls))
        sse_connection_close(c, SSE_END_ERROR);
    return SSE_OK;
}
