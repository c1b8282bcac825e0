#include "proxied.h"

#include <stdlib.h>

#include "../wire/proxy_header.h"
#include "negotiation.h"

/* The connection's session until the header is read. */
typedef struct waiting {
    sse_tls_context *tls; /* a reference, or NULL */
    void (*on_known)(void *user, sse_connection *c);
    size_t len;
    char bytes[SSE_MAX_PROXY_HEADER]; /* of the header, `len` so far */
} waiting;

static void free_waiting(waiting *w)
{
    sse_tls_context_unref(w->tls);
    free(w);
}

/* How many of the bytes belong to the header. Notes them behind those that came before; on_bytes
 * gets them and counts them. */
static size_t own_bytes(sse_connection *c, const char *bytes, size_t len)
{
    waiting *w = c->session;
    size_t room = sizeof w->bytes - w->len, length = 0;

    if (len > room)
        len = room;
    memcpy(w->bytes + w->len, bytes, len);
    length = sse_proxy_header_length((sse_slice){ w->bytes, w->len + len });
    return length > w->len && length < w->len + len ? length - w->len : len;
}

static void refuse(sse_connection *c)
{
    c->context->count.unproxied++;
    sse_connection_close(c, SSE_END_ERROR);
}

/* The header is whole. */
static void go_on(sse_connection *c, const sse_proxy_header *header)
{
    waiting *w = c->session;

    c->client = header->client;
    c->unnamed = header->unnamed;
    c->proxied_tls = header->secure;
    w->on_known(c->context->user, c);
    if (sse_connection_ended(c))
        return; /* on_closed frees the session */
    c->session = NULL;
    sse_negotiation_begin(c, w->tls);
    free_waiting(w);
}

static void on_bytes(sse_connection *c, const char *bytes, size_t len)
{
    waiting *w = c->session;
    sse_proxy_header header;
    int code = SSE_OK;

    (void)bytes; /* own_bytes has noted them */
    w->len += len;
    code = sse_proxy_header_parse((sse_slice){ w->bytes, w->len }, &header);
    if (code == SSE_OK)
        go_on(c, &header);
    else if (code != SSE_EAGAIN)
        refuse(c);
}

/* Whoever connects and sends nothing only looks whether the server is there. */
static void on_eof(sse_connection *c)
{
    const waiting *w = c->session;

    if (w->len > 0)
        refuse(c);
    else
        sse_connection_close(c, SSE_END_CLIENT);
}

static void on_drained(sse_connection *c)
{
    (void)c; /* nothing was sent */
}

static void on_deadline(sse_connection *c)
{
    c->context->count.unproxied++;
    sse_connection_close(c, SSE_END_TIMEOUT);
}

static void on_closed(sse_connection *c, sse_reason reason)
{
    (void)reason;
    free_waiting(c->session);
}

static const sse_protocol protocol = {
    .on_bytes = on_bytes,
    .own_bytes = own_bytes,
    .on_eof = on_eof,
    .on_drained = on_drained,
    .on_deadline = on_deadline,
    .on_closed = on_closed,
};

int sse_proxied_start(sse_context *context, evutil_socket_t fd, sse_tls_context *tls,
                      void (*on_known)(void *user, sse_connection *c), sse_connection **out)
{
    waiting *w = calloc(1, sizeof *w);
    int code = SSE_OK;

    if (!w) {
        evutil_closesocket(fd);
        return SSE_ENOMEM;
    }
    code = sse_connection_new(context, fd, &protocol, out);
    if (code) {
        free(w);
        return code;
    }
    w->tls = tls ? sse_tls_context_ref(tls) : NULL;
    w->on_known = on_known;
    (*out)->session = w;
    sse_connection_set_deadline(*out, context->limits.head_timeout);
    sse_connection_set_reading(*out, true);
    return SSE_OK;
}
