#include "peer.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../csrc/server/detection.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/* Values of settings and window updates. */
static const uint32_t values[] = { 0, 1, 100, 16384, 65535, 1 << 20, INT32_MAX, UINT32_MAX };

void require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

/* Bytes that the socket does not take are lost. */
static void put(peer *p, const void *bytes, size_t len)
{
    if (p->fd >= 0 && send(p->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return;
}

void peer_put_bytes(peer *p, input *in)
{
    size_t len = take_byte(in) & 63;

    len = len < in->len ? len : in->len;
    put(p, in->at, len);
    in->at += len;
    in->len -= len;
}

static void put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void put_frame(peer *p, uint8_t kind, uint8_t flags, uint32_t id, const uint8_t *payload,
                      size_t len)
{
    uint8_t bytes[9 + 600] = { 0, (uint8_t)(len >> 8), (uint8_t)len, kind, flags };

    put_u32(bytes + 5, id);
    memcpy(bytes + 9, payload, len);
    put(p, bytes, 9 + len);
}

/* The length, or one that is wrong. */
static size_t spoil_length(size_t len, uint8_t how)
{
    switch (how & 7) {
    case 5:
        return len > 0 ? len - 1 : 0;
    case 6:
        return len + 1;
    case 7:
        return 0;
    default:
        return len;
    }
}

void peer_put_frame(peer *p, input *in)
{
    static const uint8_t lengths[] = { 20, 0, 5, 4, 6, 4, 8, 8, 4, 0, 3 };
    uint8_t kind = take_byte(in) % sizeof lengths, flags = take_byte(in), id = take_byte(in) & 15;
    uint8_t value = take_byte(in), how = take_byte(in);
    uint8_t payload[32] = { 0 };

    if (kind == 4) {
        payload[1] = value >> 3 & 7;
        put_u32(payload + 2, values[value & 7]);
    } else if (kind != 0 && kind != 9) {
        put_u32(payload, kind == 3 || kind == 5 ? value : values[value & 7]);
    } else if (kind == 0) {
        flags &= 1 | 8;
    }
    put_frame(p, kind, flags, id, payload, spoil_length(lengths[kind], how));
}

/* --- requests --------------------------------------------------------------------------------- */

typedef struct request {
    char target[9];
    const char *last_id;
    uint8_t how; /* bits: 0: POST; 1: accepts gzip; 2: a body will follow; 3: HTTP/1.0 */
} request;

/* Appends an HPACK literal field with a literal name; returns its length. */
static size_t append_field(uint8_t *out, const char *name, const char *value)
{
    size_t n = strlen(name), len = strlen(value);

    out[0] = 0;
    out[1] = (uint8_t)n;
    memcpy(out + 2, name, n);
    out[2 + n] = (uint8_t)len;
    memcpy(out + 3 + n, value, len);
    return 3 + n + len;
}

/* The pseudo-header fields are references to HPACK's static table, some with a literal value. */
static void put_http2(peer *p, const request *r)
{
    uint8_t block[400] = "\x82\x86\x01\x01"
                         "a\x04\x08";
    size_t len = 7;

    if (r->how & 1)
        block[0] = 0x83;
    memcpy(block + len, r->target, 8);
    len += 8;
    if (r->how & 2)
        len += append_field(block + len, "accept-encoding", "gzip");
    if (r->last_id[0])
        len += append_field(block + len, "last-event-id", r->last_id);
    put_frame(p, 1, r->how & 4 ? 4 : 5, p->next_id, block, len);
    p->next_id += 2;
}

static void put_http1(peer *p, const request *r)
{
    char head[500];
    int len = snprintf(
        head, sizeof head, "%s %s HTTP/1.%c\r\nHost: a\r\n%s%s%s%s%s\r\n",
        r->how & 1 ? "POST" : "GET", r->target, r->how & 8 ? '0' : '1',
        r->how & 2 ? "Accept-Encoding: gzip\r\n" : "", r->how & 4 ? "Content-Length: 10\r\n" : "",
        r->last_id[0] ? "Last-Event-ID: " : "", r->last_id, r->last_id[0] ? "\r\n" : "");

    put(p, head, (size_t)len);
}

void peer_put_request(peer *p, input *in, bool http2, const char *last_id)
{
    request r = { .how = take_byte(in), .last_id = last_id };
    uint8_t kind = take_byte(in), one = take_byte(in), two = take_byte(in), three = take_byte(in);

    snprintf(r.target, sizeof r.target, "/%c%02x%02x%02x", "fffhbaaa"[kind & 7], one, two, three);
    if (http2)
        put_http2(p, &r);
    else
        put_http1(p, &r);
}

static uint8_t digit(char c)
{
    return (uint8_t)(c >= 'a' ? c - 'a' + 10 : c - '0') & 15;
}

void peer_read_target(sse_slice target, uint8_t out[4])
{
    memset(out, 0, 4);
    out[0] = target.len > 1 ? (uint8_t)target.at[1] : '\0';
    for (size_t i = 0; i < 3 && target.len >= 4 + 2 * i; i++)
        out[i + 1] = (uint8_t)(digit(target.at[2 + 2 * i]) << 4 | digit(target.at[3 + 2 * i]));
}

/* --- the socket ------------------------------------------------------------------------------- */

void peer_read(peer *p, size_t most)
{
    static char scratch[65536];
    ssize_t n = 1;

    while (p->fd >= 0 && most > 0 && n > 0) {
        n = recv(p->fd, scratch, most < sizeof scratch ? most : sizeof scratch, MSG_DONTWAIT);
        most -= n > 0 ? (size_t)n : 0;
    }
}

void peer_shut(peer *p)
{
    if (p->fd >= 0)
        shutdown(p->fd, SHUT_WR);
}

void peer_close(peer *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

void peer_connect(peer *p, sse_context *context, input *in)
{
    uint8_t how = take_byte(in), window[6] = { 0, 4 };
    sse_connection *c = NULL;
    int pair[2], small = 1;

    peer_close(p);
    require(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "a socket");
    evutil_make_socket_nonblocking(pair[0]);
    if (how & 16)
        setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    require(!sse_connection_new(context, pair[0], NULL, &c), "a connection");
    require(!sse_detection_start(c), "it starts");
    if (context->shutdown.on)
        sse_connection_set_deadline(c, SSE_UNUSED_MS);
    if (how >= 224) { /* past max_connections */
        c->refused = true;
        sse_connection_set_final_deadline(c, SSE_REFUSED_MS);
    }
    *p = (peer){ pair[1], 1 };
    if (!(how & 1))
        return;
    put(p, preface, sizeof preface - 1);
    put_u32(window + 2, values[how >> 1 & 7]);
    put_frame(p, 4, 0, 0, window, how & 32 ? 0 : sizeof window);
}
