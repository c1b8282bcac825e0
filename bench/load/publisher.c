#include "publisher.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "clock.h"
#include "die.h"

static void flush(load *l)
{
    load_publisher *p = &l->publisher;

    while (p->out_sent < p->out_len) {
        ssize_t n = p->socket.io->write(&p->socket, p->out + p->out_sent, p->out_len - p->out_sent);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            event_add(p->writable, NULL);
            return;
        }
        if (n <= 0)
            load_die("publishing: %s", strerror(errno));
        p->out_sent += (size_t)n;
    }
    p->out_len = p->out_sent = 0;
}

static void on_writable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    flush(arg);
}

/* The value of Content-Length, 0 without one. */
static size_t content_length(const char *head)
{
    for (const char *line = head; line; line = strstr(line, "\r\n")) {
        line += line == head ? 0 : 2;
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            return (size_t)atol(line + 15);
        if (strncasecmp(line, "Transfer-Encoding:", 18) == 0)
            load_die("the answer to a publish is chunked, expected a length");
    }
    return 0;
}

/* Removes a whole response from the front of `in` and keeps its body; false while it is not whole.
 */
static bool take_response(load *l)
{
    load_publisher *p = &l->publisher;
    char *end;
    size_t head, body;
    int status = 0;

    p->in[p->in_len] = '\0';
    end = strstr(p->in, "\r\n\r\n");
    if (!end)
        return false;
    end[2] = '\0';
    head = (size_t)(end + 4 - p->in);
    body = content_length(p->in);
    end[2] = '\r';
    if (p->in_len < head + body)
        return false;
    if (sscanf(p->in, "HTTP/1.1 %d", &status) != 1 || status < 200 || status > 299)
        load_die("publishing was answered with:\n%.300s", p->in);
    memcpy(p->body, p->in + head, body);
    p->body[body] = '\0';
    p->in_len -= head + body;
    memmove(p->in, p->in + head + body, p->in_len);
    p->pending--;
    return true;
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
    load *l = arg;
    load_publisher *p = &l->publisher;
    ssize_t n = p->socket.io->read(&p->socket, p->in + p->in_len, sizeof p->in - 1 - p->in_len);

    (void)fd, (void)what;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        load_die("the server ended the publisher's connection");
    l->reads++;
    p->in_len += (size_t)n;
    while (p->in_len > 0 && take_response(l))
        ;
    if (p->in_len == sizeof p->in - 1)
        load_die("an answer is longer than %zu bytes", sizeof p->in);
}

/* Blocks until the connection is there, over TLS too. 0, or -1 with errno set. */
static int connect_socket(load_socket *s)
{
    int wants = EV_WRITE;

    while (wants > 0) {
        struct pollfd poll_fd = { .fd = s->fd, .events = wants == EV_READ ? POLLIN : POLLOUT };

        if (poll(&poll_fd, 1, LOAD_PATIENCE * 1000) != 1)
            return -1;
        wants = s->io->start(s);
    }
    return wants;
}

void load_publisher_open(load *l)
{
    load_publisher *p = &l->publisher;
    int64_t began = load_now();

    for (;;) {
        if (load_socket_open(&p->socket, l->io, l->port, 0, 0) == 0 &&
            connect_socket(&p->socket) == 0)
            break;
        if (errno != ECONNREFUSED || load_now() - began > LOAD_PATIENCE * LOAD_SECOND)
            load_die("no connection to 127.0.0.1:%d: %s", l->port, strerror(errno));
        load_socket_close(&p->socket, false);
        poll(NULL, 0, 10);
    }
    p->readable = event_new(l->base, p->socket.fd, EV_READ | EV_PERSIST, on_readable, l);
    p->writable = event_new(l->base, p->socket.fd, EV_WRITE, on_writable, l);
    event_add(p->readable, NULL);
}

static void append(load_publisher *p, const char *bytes, size_t len)
{
    if (p->out_len + len > p->out_size) {
        p->out_size = 2 * (p->out_len + len);
        p->out = realloc(p->out, p->out_size);
        if (!p->out)
            load_die("out of memory");
    }
    memcpy(p->out + p->out_len, bytes, len);
    p->out_len += len;
}

void load_publisher_request(load *l, const char *method, const char *target, const char *body,
                            size_t len)
{
    load_publisher *p = &l->publisher;
    char head[512];
    int head_len = snprintf(head, sizeof head,
                            "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: text/plain\r\n"
                            "Content-Length: %zu\r\n\r\n",
                            method, target, l->port, len);

    append(p, head, (size_t)head_len);
    append(p, body, len);
    p->pending++;
    flush(l);
}

static void write_mark(load *l, char mark[LOAD_MARK + 1])
{
    snprintf(mark, LOAD_MARK + 1, "@%010u:%019lld@", (unsigned)l->next_number++,
             (long long)load_now());
}

/* Writes a payload of l->size bytes: a mark and letters. */
static void write_payload(load *l, char *at)
{
    char mark[LOAD_MARK + 1];

    write_mark(l, mark);
    memcpy(at, mark, LOAD_MARK);
    memset(at + LOAD_MARK, 'x', l->size - LOAD_MARK);
}

static void publish_in_target(load *l)
{
    char mark[LOAD_MARK + 1], target[256];

    write_mark(l, mark);
    snprintf(target, sizeof target, "%s?mark=%s", l->publish, mark);
    load_publisher_request(l, "POST", target, "", 0);
}

void load_publisher_publish(load *l, unsigned count)
{
    char *body, target[256];

    if (l->in_target) {
        for (unsigned i = 0; i < count; i++)
            publish_in_target(l);
        return;
    }
    body = malloc(l->size * count);
    if (!body)
        load_die("out of memory");
    for (unsigned i = 0; i < count; i++)
        write_payload(l, body + i * l->size);
    if (l->pipeline || count == 1) {
        for (unsigned i = 0; i < count; i++)
            load_publisher_request(l, "POST", l->publish, body + i * l->size, l->size);
    } else {
        snprintf(target, sizeof target, "%s?burst=%u", l->publish, count);
        load_publisher_request(l, "POST", target, body, l->size * count);
    }
    free(body);
}

bool load_publisher_idle(const load *l)
{
    return l->publisher.pending == 0;
}
