#include "negotiation.h"

#include "../http1/session.h"
#include "../http2/session.h"
#include "detection.h"

#define ALPN "\x02h2\x08http/1.1\x08http/1.0"

const sse_slice sse_negotiation_alpn = { ALPN, sizeof ALPN - 1 };

/* --- TLS ----------------------------------------------------------------- */

static bool speaks_http2(const sse_connection *c)
{
    return sse_slice_is(sse_tls_alpn(c->tls), "h2");
}

/* The first bytes after the handshake, or of a client that does not speak TLS. */
static void on_bytes(sse_connection *c, const char *bytes, size_t len)
{
    if (sse_tls_is_plain(c->tls)) {
        sse_connection_drop_tls(c);
        sse_http1_session_refuse(c, 400, "this port speaks HTTPS: use https://");
    } else if (speaks_http2(c) ? sse_http2_session_start(c) : sse_http1_session_start(c)) {
        sse_connection_close(c, SSE_END_ERROR);
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

static void on_idle_timeout(sse_connection *c)
{
    sse_connection_close(c, SSE_END_TIMEOUT);
}

static void on_closed(sse_connection *c, sse_reason reason)
{
    (void)c;
    (void)reason;
}

/* The first request of a client whose handshake is done may be on its way. */
static void on_shutdown(sse_connection *c)
{
    if (sse_tls_established(c->tls))
        sse_connection_set_deadline(c, SSE_UNUSED_MS);
}

/* For a client that is idle after its handshake: see on_deadline. */
static const sse_protocol idle_protocol = {
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_drained = on_nothing,
    .on_deadline = on_idle_timeout,
    .on_closed = on_closed,
    .on_shutdown = on_shutdown,
};

/* head_timeout is over. A client that is silent after its handshake has until idle_timeout:
 * browsers connect before they know what to ask for. */
static void on_deadline(sse_connection *c)
{
    const sse_limits *limits = &c->context->limits;

    if (!sse_tls_established(c->tls) || limits->idle_timeout <= limits->head_timeout ||
        c->context->shutdown.on) {
        sse_connection_close(c, SSE_END_TIMEOUT);
        return;
    }
    c->protocol = &idle_protocol;
    sse_connection_set_deadline(c, limits->idle_timeout - limits->head_timeout);
}

static const sse_protocol negotiation_protocol = {
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_drained = on_nothing,
    .on_deadline = on_deadline,
    .on_closed = on_closed,
    .on_shutdown = on_shutdown,
};

/* --- new connections ----------------------------------------------------- */

/* on_bytes starts the session. */
static int start_tls(sse_connection *c, sse_tls_context *tls)
{
    int code = sse_connection_start_tls(c, tls);

    if (code)
        return code;
    sse_connection_set_deadline(c, c->context->limits.head_timeout);
    sse_connection_set_reading(c, true);
    return SSE_OK;
}

void sse_negotiation_begin(sse_connection *c, sse_tls_context *tls)
{
    c->protocol = &negotiation_protocol;
    if (tls ? start_tls(c, tls) : sse_detection_start(c))
        sse_connection_close(c, SSE_END_ERROR);
}

int sse_negotiation_start(sse_context *context, evutil_socket_t fd, sse_tls_context *tls,
                          sse_connection **out)
{
    sse_connection *c = NULL;
    int code = sse_connection_new(context, fd, &negotiation_protocol, &c);

    if (code)
        return code;
    sse_negotiation_begin(c, tls);
    *out = c;
    return SSE_OK;
}
