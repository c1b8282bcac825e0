/* Followers over HTTP/1.1, one a connection; sockets of loopback. */
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- sockets ---------------------------------------------------------------------------------- */

static int plain_start(load_socket *s)
{
    int error = 0;
    socklen_t len = sizeof error;

    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        return -1;
    errno = error;
    return error ? -1 : 0;
}

static ssize_t plain_read(load_socket *s, char *bytes, size_t len)
{
    return recv(s->fd, bytes, len, 0);
}

static ssize_t plain_write(load_socket *s, const char *bytes, size_t len)
{
    return send(s->fd, bytes, len, 0);
}

static void plain_close(load_socket *s)
{
    (void)s;
}

const load_io load_plain_io = { plain_start, plain_read, plain_write, plain_close };

/* A pair of addresses has some 28,000 ports: 127.0.0.1 to .8 take turns where the system has them.
 */
static void bind_to_turn(int fd, unsigned turn)
{
    struct sockaddr_in from = { .sin_family = AF_INET };

    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + turn % 8);
#ifdef IP_BIND_ADDRESS_NO_PORT
    int on = 1;

    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    bind(fd, (struct sockaddr *)&from, sizeof from);
#else
    (void)fd;
#endif
}

int load_socket_open(load *l, load_socket *s, unsigned turn, int room)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)l->port) };
    int on = 1;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->io = l->io;
    s->state = NULL;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (s->fd < 0)
        return -1;
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (room)
        setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (turn)
        bind_to_turn(s->fd, turn);
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS)
        return 0;
    on = errno;
    close(s->fd);
    s->fd = -1;
    errno = on;
    return -1;
}

void load_socket_close(load_socket *s, bool reset)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };

    if (s->fd < 0)
        return;
    s->io->close(s);
    if (reset)
        setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(s->fd);
    s->fd = -1;
}

/* --- followers -------------------------------------------------------------------------------- */

typedef struct connection {
    load *l;
    load_follower *follower;
    load_socket socket;
    struct event *event;
    bool started;
    size_t head_len;
    char head[1024];
} connection;

static void drop(connection *c, bool reset)
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

static void ended(connection *c)
{
    load *l = c->l;
    load_follower *follower = c->follower;

    drop(c, false);
    load_follower_ended(l, follower);
}

/* The request is far smaller than an empty socket's room. */
static void send_request(connection *c)
{
    const char *id = c->follower->last_event_id;
    char request[1024];
    int len = snprintf(request, sizeof request,
                       "GET %s%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAccept: text/event-stream\r\n"
                       "Cache-Control: no-cache\r\n%s%s%s\r\n",
                       c->l->events, c->follower->watched ? "?watch=1" : "", c->l->port,
                       id ? "Last-Event-ID: " : "", id ? id : "", id ? "\r\n" : "");

    if (c->socket.io->write(&c->socket, request, (size_t)len) != len)
        load_die("a request of %d bytes did not go out: %s", len, strerror(errno));
    listen_for(c, EV_READ);
}

static void start(connection *c)
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

/* Gives how many of the bytes were the head's; all of them as long as it is not whole. */
static size_t read_head(connection *c, const char *bytes, size_t len)
{
    size_t room = sizeof c->head - 1 - c->head_len, before = c->head_len;
    size_t took = len < room ? len : room;
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
    size_t of_head = 0;
    ssize_t n;

    (void)fd, (void)what;
    if (!c->started) {
        start(c);
        return;
    }
    n = c->socket.io->read(&c->socket, bytes, sizeof buffer - LOAD_MARK);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        ended(c);
        return;
    }
    c->l->moved++;
    c->l->now = load_now();
    if (c->follower->state == LOAD_OPENING)
        of_head = read_head(c, bytes, (size_t)n);
    if ((size_t)n > of_head)
        load_follower_feed(c->l, c->follower, bytes + of_head, (size_t)n - of_head);
}

static int http1_open(load *l, load_follower *follower)
{
    connection *c = calloc(1, sizeof *c);

    if (!c)
        load_die("out of memory");
    c->l = l;
    c->follower = follower;
    if (load_socket_open(l, &c->socket, follower->turn, follower->room) != 0) {
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
    drop(follower->connection, reset);
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
