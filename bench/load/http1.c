#include "http1.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "die.h"
#include "follower.h"

typedef struct connection {
    load *l;
    load_follower *follower;
    load_socket socket;
    struct event *event;
    bool started;
    size_t head_len;
    char head[1024];
} connection;

static void free_connection(connection *c, bool reset)
{
    c->follower->connection = NULL;
    event_free(c->event);
    load_socket_close(&c->socket, reset);
    free(c);
}

static void on_ready(evutil_socket_t fd, short what, void *arg);

static void listen_for(connection *c, short what)
{
    event_del(c->event);
    event_assign(c->event, c->l->base, c->socket.fd, (short)(what | EV_PERSIST), on_ready, c);
    event_add(c->event, NULL);
}

static void end_follower(connection *c)
{
    load *l = c->l;
    load_follower *follower = c->follower;

    free_connection(c, false);
    load_follower_ended(l, follower);
}

/* Sends the request at once: the send buffer of a new socket has room for all of it. */
static void send_request(connection *c)
{
    const char *id = c->follower->last_event_id;
    char request[1024];
    int len = snprintf(request, sizeof request,
                       "GET %s%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n"
                       "Cache-Control: no-cache\r\n%s%s%s\r\n",
                       c->l->events, c->follower->recorded ? "?watch=1" : "", c->l->port,
                       id ? "Last-Event-ID: " : "", id ? id : "", id ? "\r\n" : "");

    if (c->socket.io->write(&c->socket, request, (size_t)len) != len)
        load_die("a request of %d bytes did not go out: %s", len, strerror(errno));
    listen_for(c, EV_READ);
}

/* Called until the connection is there, over TLS too. */
static void connect_further(connection *c)
{
    int wants = c->socket.io->start(&c->socket);

    if (wants < 0)
        load_die("no connection to 127.0.0.1:%d: %s", c->l->port, strerror(errno));
    if (wants > 0) {
        listen_for(c, (short)wants);
        return;
    }
    c->started = true;
    send_request(c);
}

/* Adds to the response's head. Returns how many of the bytes belong to the head, which is all of
 * them while its end has not come. */
static size_t read_head(connection *c, const char *bytes, size_t len)
{
    size_t space = sizeof c->head - 1 - c->head_len, before = c->head_len;
    size_t took = len < space ? len : space;
    const char *end;
    int status = 0;

    memcpy(c->head + c->head_len, bytes, took);
    c->head_len += took;
    c->head[c->head_len] = '\0';
    end = strstr(c->head, "\r\n\r\n");
    if (!end) {
        if (took < len)
            load_die("an answer's head is longer than %zu bytes", sizeof c->head);
        return len;
    }
    if (sscanf(c->head, "HTTP/1.1 %d", &status) != 1)
        load_die("an answer begins with '%.20s', expected HTTP/1.1", c->head);
    load_follower_opened(c->l, c->follower, status);
    return (size_t)(end + 4 - c->head) - before;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    static char buffer[LOAD_MARK + 262144];
    char *bytes = buffer + LOAD_MARK;
    connection *c = arg;
    size_t head_bytes = 0;
    ssize_t n;

    (void)fd, (void)what;
    if (!c->started) {
        connect_further(c);
        return;
    }
    n = c->socket.io->read(&c->socket, bytes, sizeof buffer - LOAD_MARK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end_follower(c);
        return;
    }
    c->l->reads++;
    c->l->read_at = load_now();
    if (c->follower->state == LOAD_OPENING)
        head_bytes = read_head(c, bytes, (size_t)n);
    if ((size_t)n > head_bytes)
        load_follower_feed(c->l, c->follower, bytes + head_bytes, (size_t)n - head_bytes);
}

static int http1_open(load *l, load_follower *follower)
{
    connection *c = calloc(1, sizeof *c);

    if (!c)
        load_die("out of memory");
    c->l = l;
    c->follower = follower;
    if (load_socket_open(&c->socket, l->io, l->port, follower->source, follower->receive_buffer) !=
        0) {
        free(c);
        return -1;
    }
    c->event = event_new(l->base, c->socket.fd, EV_WRITE, on_ready, c);
    event_add(c->event, NULL);
    follower->connection = c;
    return 0;
}

static void http1_leave(load *l, load_follower *follower, bool reset)
{
    (void)l;
    free_connection(follower->connection, reset);
}

static void http1_pause(load *l, load_follower *follower, bool paused)
{
    connection *c = follower->connection;

    (void)l;
    if (paused)
        event_del(c->event);
    else
        event_add(c->event, NULL);
}

const load_transport load_http1 = { http1_open, http1_leave, http1_pause };
