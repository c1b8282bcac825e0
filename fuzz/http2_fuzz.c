/* http2_fuzz.c: an HTTP/2 session survives whatever a client sends, without a leak, and each
 * exchange ends exactly once. Bits of an input's first byte: 0: the rest is a list of frames (type,
 * flags, stream, length, payload) instead of plain bytes; 1: a valid preface comes first; 2 to 7:
 * bytes in a piece, 0 for all at once. The path of a request chooses its response. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../csrc/http/turn.h"
#include "../csrc/http2/session.h"
#include "../csrc/push/stream.h"
#include "../csrc/server/detection.h"

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"

static sse_loop *loop;
static sse_context context;
static int open_exchanges;
static sse_exchange *endless; /* a response that goes on until its end is forced */

static void require(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void on_end(void *user, sse_reason reason)
{
    require(reason != SSE_NOT_ENDED, "an end without a reason");
    open_exchanges--;
    if (endless == user)
        endless = NULL;
}

static void on_drain(void *user)
{
    sse_exchange *x = user;
    sse_frame *frame = sse_frame_new(SSE_SLICE("data: more\n\n"));

    sse_exchange_push(x, frame);
    sse_frame_unref(frame);
    sse_exchange_finish(x, SSE_END_SERVER);
}

static const sse_exchange_events plain_events = { .on_end = on_end };
static const sse_exchange_events stream_events = { .on_end = on_end, .on_drain = on_drain };

static void send_large(sse_exchange *x)
{
    sse_frame *frame = sse_frame_raw_alloc(100000);

    memset(sse_frame_body(frame), 'x', 100000);
    for (int i = 0; i < 20 && sse_exchange_send(x, frame, 1 << 20) == SSE_OK; i++)
        ;
    sse_frame_unref(frame);
}

static void on_request(void *user, sse_exchange *x)
{
    size_t bad = 0;

    (void)user;
    require(x->request->major == 1 || x->request->major == 2, "a version");
    x->user = x;
    x->on = &plain_events;
    open_exchanges++;
    switch (x->request->target.len > 1 ? x->request->target.at[1] : '\0') {
    case 's':
        x->on = &stream_events;
        sse_exchange_start(x, 200, NULL, 0, &bad);
        send_large(x);
        break;
    case 'l':
        sse_exchange_start(x, 200, NULL, 0, &bad);
        endless = x;
        break;
    case 'a':
        sse_exchange_abort(x, SSE_END_ERROR);
        break;
    case 'h': /* no response ever */
        break;
    default:
        sse_exchange_reply(x, 200, x->request->fields, x->request->field_count,
                           sse_buffer_slice(&x->request->body), &bad);
        if (x->state == SSE_EXCHANGE_OPEN)
            sse_exchange_abort(x, SSE_END_ERROR);
    }
}

/* Turns the loop and reads at the client's end until the server has nothing more to do. */
static void run_to_rest(int peer)
{
    char scratch[65536];
    bool kept = false;

    while (sse_context_has_work(&context)) {
        sse_loop_turn(loop, &kept);
        while (recv(peer, scratch, sizeof scratch, MSG_DONTWAIT) > 0)
            ;
    }
}

static void feed(sse_connection *c, int peer, const uint8_t *bytes, size_t len, size_t step)
{
    while (len > 0 && !sse_connection_ended(c) && !c->finishing) {
        size_t n = step && step < len ? step : len;

        c->protocol->on_bytes(c, (const char *)bytes, n);
        bytes += n;
        len -= n;
        if (endless)
            sse_exchange_finish_within(endless, NULL, 1, SSE_END_SLOW);
        if (sse_connection_ended(c))
            break; /* before its struct is freed */
        run_to_rest(peer);
        if (context.count.connections == 0)
            return;
    }
}

/* Writes a HEADERS frame with a valid request, since mutation hardly ever finds one. In an input it
 * stands as a frame of type 10, whose flags, stream and length choose flags, stream and path. */
static size_t make_request(const uint8_t *data, uint8_t *out)
{
    static const uint8_t block[] = "\x83\x86\x41\x01"
                                   "a\x04\x02/";
    uint8_t head[9] = { 0, 0, sizeof block, 1, data[1] | 4, 0, 0, 0, data[2] | 1 };

    memcpy(out, head, sizeof head);
    memcpy(out + sizeof head, block, sizeof block - 1);
    out[sizeof head + sizeof block - 1] = "slahx"[data[3] % 5];
    return sizeof head + sizeof block;
}

/* Writes the frames that the input lists; returns their bytes. */
static size_t make_frames(const uint8_t *data, size_t size, uint8_t *out, size_t max)
{
    size_t len = 0;

    while (size >= 4 && len + 9 + 255 < max) {
        size_t n = data[3] < size - 4 ? data[3] : size - 4;
        uint8_t head[9] = { 0, 0, (uint8_t)n, data[0] % 12, data[1], 0, 0, 0, data[2] };

        if (data[0] % 12 == 10) {
            len += make_request(data, out + len);
            data += 4;
            size -= 4;
            continue;
        }
        memcpy(out + len, head, sizeof head);
        memcpy(out + len + sizeof head, data + 4, n);
        len += sizeof head + n;
        data += 4 + n;
        size -= 4 + n;
    }
    return len;
}

static void start(void)
{
    sse_limits limits = {
        .max_head_size = 1024,
        .max_target = 200,
        .max_body_size = 5000,
        .max_bodies = 1 << 14,
        .max_pending = 1 << 14,
        .max_pending_total = 1 << 16,
        .head_timeout = 60000,
        .body_timeout = 60000,
        .idle_timeout = 60000,
        .write_timeout = 60000,
        .max_concurrent_requests = 10,
    };

    require(!sse_loop_new(&loop), "a loop");
    sse_context_start(&context, loop, &limits);
    context.on_request = on_request;
    sse_loop_ref(loop);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t frames[1 << 16];
    uint8_t mode = size > 0 ? data[0] : 0;
    sse_connection *c = NULL;
    int pair[2];

    if (size < 2)
        return 0;
    if (!loop)
        start();
    require(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "a socket");
    evutil_make_socket_nonblocking(pair[0]);
    require(!sse_connection_new(&context, pair[0], NULL, &c), "a connection");
    require(!sse_detection_start(c), "it starts");
    if (mode & 128) { /* as csrc/server/server.c does past max_connections */
        c->refused = true;
        sse_connection_set_final_deadline(c, SSE_REFUSED_MS);
    }
    data++;
    size--;
    if (mode & 1) {
        size = make_frames(data, size, frames, sizeof frames);
        data = frames;
    }
    if (mode & 2)
        feed(c, pair[1], (const uint8_t *)PREFACE, sizeof PREFACE - 1, 0);
    if (context.count.connections > 0)
        feed(c, pair[1], data, size, mode >> 2 & 31);
    sse_context_close_all(&context);
    run_to_rest(pair[1]);
    close(pair[1]);
    require(open_exchanges == 0, "each exchange ends once");
    require(context.count.queued.pending == 0, "nothing is queued for nobody");
    require(context.count.queued.held == 0, "no memory is held for nobody");
    require(context.count.bodies == 0, "no request holds anything");
    require(context.count.http2_streams + context.count.http2_connections == 0, "none is left");
    return 0;
}
