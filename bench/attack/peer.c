#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../load/die.h"

enum { NARROW_ROOM = 4096, NARROW_SEGMENT = 536 };

static void on_ready(evutil_socket_t fd, short what, void *arg);

static void wait_for(attack_peer *peer, short what)
{
    event_del(peer->event);
    if (what == 0)
        return;
    event_assign(peer->event, peer->attack->base, peer->fd, (short)(what | EV_PERSIST), on_ready,
                 peer);
    event_add(peer->event, NULL);
}

void attack_peer_close(attack_peer *peer, bool reset)
{
    struct linger linger = { .l_onoff = 1, .l_linger = 0 };

    if (peer->fd < 0)
        return;
    event_free(peer->event);
    peer->event = NULL;
    if (reset)
        setsockopt(peer->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(peer->fd);
    peer->fd = -1;
    peer->connected = false;
    peer->out_len = peer->out_sent = 0;
}

static void count_end(attack_peer *peer)
{
    peer->attack->ended++;
    attack_peer_close(peer, false);
}

static void begin_to_connect(attack_peer *peer)
{
    attack *a = peer->attack;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)a->port) };
    int on = 1, room = NARROW_ROOM, segment = NARROW_SEGMENT;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peer->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (peer->fd < 0)
        load_die("peer %u of %u: %s", peer->number + 1, a->count, strerror(errno));
    fcntl(peer->fd, F_SETFL, O_NONBLOCK);
    setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (a->kind->narrow) {
        setsockopt(peer->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
        setsockopt(peer->fd, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }
    if (connect(peer->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        close(peer->fd);
        peer->fd = -1;
        return;
    }
    a->opened++;
    peer->step = 0;
    peer->next_stream = 1;
    peer->event = event_new(a->base, peer->fd, EV_WRITE | EV_PERSIST, on_ready, peer);
    event_add(peer->event, NULL);
}

static void flush(attack_peer *peer)
{
    attack *a = peer->attack;
    short reads = a->kind->reads ? EV_READ : 0;

    while (peer->out_sent < peer->out_len) {
        ssize_t n = send(peer->fd, peer->out + peer->out_sent, peer->out_len - peer->out_sent, 0);

        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            wait_for(peer, (short)(reads | EV_WRITE));
            return;
        }
        if (n <= 0) {
            count_end(peer);
            return;
        }
        peer->out_sent += (size_t)n;
        a->sent += (unsigned long long)n;
    }
    peer->out_len = peer->out_sent = 0;
    wait_for(peer, reads);
}

void attack_peer_send(attack_peer *peer, const void *bytes, size_t len)
{
    if (peer->out_len + len > peer->out_size) {
        peer->out_size = 2 * (peer->out_len + len);
        peer->out = realloc(peer->out, peer->out_size);
        if (!peer->out)
            load_die("out of memory");
    }
    memcpy(peer->out + peer->out_len, bytes, len);
    peer->out_len += len;
}

void attack_peer_send_text(attack_peer *peer, const char *text)
{
    attack_peer_send(peer, text, strlen(text));
}

/* The pending error of a socket, an errno; 0 for none. */
static int error_of(int fd)
{
    int error = 0;
    socklen_t len = sizeof error;

    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 ? error : errno;
}

static void read_and_drop(attack_peer *peer)
{
    static char buffer[262144];
    ssize_t n = recv(peer->fd, buffer, sizeof buffer, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        count_end(peer);
        return;
    }
    peer->attack->received += (unsigned long long)n;
    if (n > 12 && memcmp(buffer, "HTTP/1.1 503", 12) == 0)
        peer->attack->refused++;
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    attack_peer *peer = arg;

    if (!peer->connected) {
        if (error_of((int)fd) != 0) {
            count_end(peer);
            return;
        }
        peer->connected = true;
        if (peer->attack->kind->begin)
            peer->attack->kind->begin(peer);
        if (peer->fd >= 0)
            flush(peer);
        return;
    }
    if (what & EV_READ)
        read_and_drop(peer);
    if (peer->fd >= 0 && (what & EV_WRITE))
        flush(peer);
}

bool attack_peer_act(attack_peer *peer)
{
    /* A peer that doesn't read learns of its end only here. */
    if (peer->fd >= 0 && !peer->attack->kind->reads && error_of(peer->fd) != 0)
        count_end(peer);
    if (peer->fd < 0) {
        begin_to_connect(peer);
        return true;
    }
    if (!peer->connected || peer->out_len > 0 || !peer->attack->kind->act)
        return false;
    peer->attack->kind->act(peer);
    peer->step++;
    if (peer->fd >= 0)
        flush(peer);
    return true;
}
