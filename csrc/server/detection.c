#include "detection.h"

#include "../http1/session.h"
#include "../http2/session.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

#define PREFACE (sizeof preface - 1)

/* Starts a session and gives it the bytes of the preface that have been taken as such. False: the
 * connection has ended. */
static bool start_session(sse_connection *c, int (*start)(sse_connection *c))
{
    if (start(c)) {
        sse_connection_close(c, SSE_END_ERROR);
        return false;
    }
    if (c->preface_bytes > 0)
        c->protocol->on_bytes(c, preface, c->preface_bytes);
    return !sse_connection_ended(c);
}

/* Compares the bytes with the preface. The first byte that differs means HTTP/1. */
static void on_bytes(sse_connection *c, const char *bytes, size_t len)
{
    size_t most = PREFACE - c->preface_bytes, same = 0;

    while (same < len && same < most && bytes[same] == preface[c->preface_bytes + same])
        same++;
    if (same == len && same < most) { /* a part of the preface: it can still be HTTP/1 */
        if (c->preface_bytes == 0)
            sse_connection_set_deadline(c, c->context->limits.head_timeout);
        c->preface_bytes = (uint8_t)(c->preface_bytes + len);
        return;
    }
    if (start_session(c, same == most ? sse_http2_session_start : sse_http1_session_start) &&
        !c->finishing)
        c->protocol->on_bytes(c, bytes, len);
}

static void on_eof(sse_connection *c)
{
    if (c->preface_bytes == 0)
        sse_connection_close(c, SSE_END_CLIENT);
    else if (start_session(c, sse_http1_session_start))
        c->protocol->on_eof(c);
}

static void on_drained(sse_connection *c)
{
    (void)c; /* nothing was sent */
}

static void on_deadline(sse_connection *c)
{
    if (c->preface_bytes == 0)
        sse_connection_close(c, SSE_END_TIMEOUT);
    else if (start_session(c, sse_http1_session_start))
        c->protocol->on_deadline(c);
}

static void on_closed(sse_connection *c, sse_reason reason)
{
    (void)c; /* there is no session to free */
    (void)reason;
}

static const sse_protocol protocol = {
    .on_bytes = on_bytes,
    .on_eof = on_eof,
    .on_drained = on_drained,
    .on_deadline = on_deadline,
    .on_closed = on_closed,
};

int sse_detection_start(sse_connection *c)
{
    c->protocol = &protocol;
    sse_connection_set_deadline(c, c->context->limits.idle_timeout);
    sse_connection_set_reading(c, true);
    return SSE_OK;
}
