#include "http2.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "die.h"
#include "follower.h"

/* Flow control windows so large that they never close here, as a browser's hardly do. */
enum { STREAM_WINDOW = 1 << 20, CONNECTION_WINDOW = 1 << 24 };

typedef struct connection {
    load *l;
    load_socket socket;
    struct event *event;
    nghttp2_session *session;
    bool started;
    unsigned opened, live; /* streams so far, and those that are open */
    const uint8_t *out;    /* nghttp2's bytes that the socket has not taken */
    size_t out_len;
} connection;

static connection *newest; /* gets followers until it has l->streams */

static void on_ready(evutil_socket_t fd, short what, void *arg);

static void listen_for(connection *c, short what)
{
    event_del(c->event);
    event_assign(c->event, c->l->base, c->socket.fd, (short)(what | EV_PERSIST), on_ready, c);
    event_add(c->event, NULL);
}

static void free_connection(connection *c, bool reset)
{
    if (c == newest)
        newest = NULL;
    nghttp2_session_del(c->session);
    event_free(c->event);
    load_socket_close(&c->socket, reset);
    free(c);
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Gets bytes to send from nghttp2 unless there are some; false if it has none. */
static bool has_output(connection *c)
{
    ssize_t n = 0;

    if (c->out_len > 0)
        return true;
    n = nghttp2_session_mem_send(c->session, &c->out);
    if (n < 0)
        load_die("HTTP/2: %s", nghttp2_strerror((int)n));
    c->out_len = (size_t)n;
    return n > 0;
}

static void flush(connection *c)
{
    if (!c->started)
        return;
    while (has_output(c)) {
        ssize_t n = c->socket.io->write(&c->socket, (const char *)c->out, c->out_len);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            listen_for(c, EV_READ | EV_WRITE);
            return;
        }
        if (n <= 0)
            load_die("an HTTP/2 connection broke: %s", strerror(errno));
        c->out += n;
        c->out_len -= (size_t)n;
    }
    listen_for(c, EV_READ);
}

/* --- reading ---------------------------------------------------------------------------------- */

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *arg)
{
    connection *c = arg;
    load_follower *f = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    char status[4] = { 0 };

    (void)flags;
    if (!f || name_len != 7 || memcmp(name, ":status", 7) != 0)
        return 0;
    memcpy(status, value, value_len < 3 ? value_len : 3);
    load_follower_opened(c->l, f, atoi(status));
    return 0;
}

/* Copies the bytes to a buffer that has the writable bytes in front that load_follower_feed needs.
 */
static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *arg)
{
    static char buffer[LOAD_MARK + 16384];
    connection *c = arg;
    load_follower *f = nghttp2_session_get_stream_user_data(session, id);

    (void)flags;
    while (f && len > 0) {
        size_t n = len < sizeof buffer - LOAD_MARK ? len : sizeof buffer - LOAD_MARK;

        memcpy(buffer + LOAD_MARK, bytes, n);
        load_follower_feed(c->l, f, buffer + LOAD_MARK, n);
        bytes += n;
        len -= n;
    }
    return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    connection *c = arg;
    load_follower *f = nghttp2_session_get_stream_user_data(session, id);

    (void)code;
    if (!f)
        return 0;
    c->live--;
    f->connection = NULL;
    load_follower_ended(c->l, f);
    return 0;
}

static void read_socket(connection *c)
{
    static char buffer[262144];
    ssize_t n = c->socket.io->read(&c->socket, buffer, sizeof buffer), took = 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        load_die("the server ended an HTTP/2 connection of %u streams", c->live);
    c->l->reads++;
    c->l->read_at = load_now();
    took = nghttp2_session_mem_recv(c->session, (const uint8_t *)buffer, (size_t)n);
    if (took < 0)
        load_die("HTTP/2: %s", nghttp2_strerror((int)took));
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    connection *c = arg;

    (void)fd;
    if (!c->started) {
        int wants = c->socket.io->start(&c->socket);

        if (wants < 0)
            load_die("no connection to 127.0.0.1:%d: %s", c->l->port, strerror(errno));
        if (wants > 0) {
            listen_for(c, (short)wants);
            return;
        }
        c->started = true;
    } else if (what & EV_READ) {
        read_socket(c);
    }
    flush(c);
}

/* --- followers -------------------------------------------------------------------------------- */

static nghttp2_session *new_session(connection *c)
{
    nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
        { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
    };
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_session *session = NULL;

    if (nghttp2_session_callbacks_new(&callbacks) != 0)
        load_die("out of memory");
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
    if (nghttp2_session_client_new(&session, callbacks, c) != 0 ||
        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, 2) != 0 ||
        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, CONNECTION_WINDOW))
        load_die("no HTTP/2 session");
    nghttp2_session_callbacks_del(callbacks);
    return session;
}

/* The connection for the next follower: the newest one, or a new one if that is full. NULL with
 * errno set if the socket fails. */
static connection *connection_for_next(load *l, unsigned source)
{
    connection *c = newest;

    if (c && c->opened < l->streams)
        return c;
    c = calloc(1, sizeof *c);
    if (!c)
        load_die("out of memory");
    c->l = l;
    c->socket.alpn = "h2";
    if (load_socket_open(&c->socket, l->io, l->port, source, 0) != 0) {
        free(c);
        return NULL;
    }
    c->session = new_session(c);
    c->event = event_new(l->base, c->socket.fd, EV_WRITE, on_ready, c);
    event_add(c->event, NULL);
    newest = c;
    return c;
}

#define FIELD(name, value) \
    { \
        (uint8_t *)(name), (uint8_t *)(value), strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE \
    }

static int http2_open(load *l, load_follower *follower)
{
    connection *c = connection_for_next(l, follower->source);
    const nghttp2_nv head[] = {
        FIELD(":method", "GET"),
        FIELD(":scheme", l->io == &load_plain_io ? "http" : "https"),
        FIELD(":authority", "127.0.0.1"),
        FIELD(":path", l->events),
        FIELD("accept", "text/event-stream"),
        FIELD("cache-control", "no-cache"),
    };

    if (!c)
        return -1;
    if (follower->recorded || follower->last_event_id)
        load_die("followers that stop reading or come back are HTTP/1.1's");
    if (nghttp2_submit_request(c->session, NULL, head, sizeof head / sizeof *head, NULL, follower) <
        0)
        load_die("no HTTP/2 request");
    c->opened++;
    c->live++;
    follower->connection = c;
    follower->stream = 2 * c->opened - 1;
    flush(c);
    return 0;
}

static void http2_leave(load *l, load_follower *follower, bool reset)
{
    connection *c = follower->connection;
    int32_t id = (int32_t)follower->stream;

    (void)l;
    nghttp2_session_set_stream_user_data(c->session, id, NULL);
    follower->connection = NULL;
    if (--c->live == 0) {
        free_connection(c, reset);
        return;
    }
    nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    flush(c);
}

static void http2_pause(load *l, load_follower *follower, bool paused)
{
    (void)l, (void)follower, (void)paused;
    load_die("a follower that stops reading is HTTP/1.1's");
}

const load_transport load_http2 = { http2_open, http2_leave, http2_pause };
