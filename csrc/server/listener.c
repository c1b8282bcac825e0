#define _GNU_SOURCE /* accept4 */
#include "listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "../http/connection.h"
#include "addresses.h"

#define ACCEPTS_A_TURN 64
#define PAUSE_MS       100 /* ms until accepting is tried again when no descriptor is left */

/* --- accepting ----------------------------------------------------------- */

/* Accepts a socket that is non-blocking and closed on exec, in one call where the system has it. */
static evutil_socket_t accept_client(evutil_socket_t fd, struct sockaddr *from, socklen_t *size)
{
#ifdef SOCK_NONBLOCK
    return accept4(fd, from, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
    evutil_socket_t client = accept(fd, from, size);

    if (client >= 0) {
        evutil_make_socket_nonblocking(client);
        evutil_make_socket_closeonexec(client);
    }
    return client;
#endif
}

/* Whether an accepted socket has inherited the listener's options, as on Linux and the BSDs. */
static bool inherits_options(evutil_socket_t client)
{
    int nodelay = 0, keepalive = 0;
    socklen_t size = sizeof nodelay;

    return getsockopt(client, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size) == 0 && nodelay &&
           getsockopt(client, SOL_SOCKET, SO_KEEPALIVE, &keepalive, &size) == 0 && keepalive;
}

static void set_options(sse_listener *l, evutil_socket_t client)
{
    if (l->inherits_options == SSE_INHERITS_UNKNOWN)
        l->inherits_options = inherits_options(client) ? SSE_INHERITS : SSE_INHERITS_NOT;
    if (l->inherits_options == SSE_INHERITS_NOT)
        sse_connection_set_options(client, l->context->limits.write_timeout);
}

/* Accepts one connection. False: none waits, or no descriptor or memory is left. */
static bool accept_one(sse_listener *l)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    evutil_socket_t client = accept_client(l->fd, (struct sockaddr *)&from, &size);

    if (client >= 0) {
        set_options(l, client);
        l->on_accepted(l->user, l, client, (struct sockaddr *)&from);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        l->context->count.accept_pauses++;
        event_del(&l->accepting); /* or the loop would call again and again */
        sse_timer_wheel_set(&l->context->wheel, &l->accept_pause, PAUSE_MS);
    }
    return client >= 0;
}

void sse_listener_accept(sse_listener *l, int most)
{
    for (int i = 0; i < most && accept_one(l); i++)
        ;
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    sse_listener_accept(arg, ACCEPTS_A_TURN);
    sse_loop_end_poll(((sse_listener *)arg)->context->loop);
}

static void on_accept_pause_over(sse_deadline *d)
{
    event_add(&SSE_CONTAINER_OF(d, sse_listener, accept_pause)->accepting, NULL);
}

/* --- opening ------------------------------------------------------------- */

static int code_of_errno(int number)
{
    switch (number) {
    case EADDRINUSE:
        return SSE_EADDRINUSE;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return SSE_EADDRNOTAVAIL;
    case EACCES:
    case EPERM:
        return SSE_EACCES;
    case EMFILE:
    case ENFILE:
        return SSE_EMFILE;
    case ENOMEM:
        return SSE_ENOMEM;
    default:
        return SSE_ESYS;
    }
}

static int describe_failure(const struct sockaddr_storage *address, int number, char *message,
                            size_t size)
{
    int code = code_of_errno(number);
    char where[80];

    sse_address_text(address, where, sizeof where);
    if (code == SSE_EADDRINUSE)
        snprintf(message, size, "address %s is already in use; choose another port", where);
    else if (code == SSE_EADDRNOTAVAIL)
        snprintf(message, size, "cannot listen on %s: this machine has no such address", where);
    else
        snprintf(message, size, "cannot listen on %s: %s", where, strerror(number));
    return code;
}

static evutil_socket_t open_socket(const sse_listener *l, const struct sockaddr_storage *address,
                                   socklen_t len, int backlog)
{
    evutil_socket_t fd = socket(address->ss_family, SOCK_STREAM, 0);
    int number = 0;

    if (fd < 0)
        return -1;
    evutil_make_socket_nonblocking(fd);
    evutil_make_socket_closeonexec(fd);
    evutil_make_listen_socket_reuseable(fd);
    sse_connection_set_options(fd, l->context->limits.write_timeout);
    if (bind(fd, (const struct sockaddr *)address, len) == 0 && listen(fd, backlog) == 0)
        return fd;
    number = errno;
    evutil_closesocket(fd);
    errno = number;
    return -1;
}

static int bound_port(evutil_socket_t fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } bound = { 0 };
    socklen_t size = sizeof bound;

    if (getsockname(fd, &bound.any, &size) != 0)
        return 0;
    return ntohs(bound.any.sa_family == AF_INET6 ? bound.six.sin6_port : bound.four.sin_port);
}

sse_listener *sse_listener_new(sse_context *context, void *user,
                               void (*on_accepted)(void *user, sse_listener *l, evutil_socket_t fd,
                                                   const struct sockaddr *from))
{
    sse_listener *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->context = context;
    l->fd = -1;
    l->accept_pause.call = on_accept_pause_over;
    l->user = user;
    l->on_accepted = on_accepted;
    return l;
}

int sse_listener_open(sse_listener *l, const struct sockaddr_storage *address, socklen_t len,
                      int backlog, char *message, size_t size)
{
    l->fd = open_socket(l, address, len, backlog);
    if (l->fd < 0)
        return describe_failure(address, errno, message, size);
    l->port = bound_port(l->fd);
    event_assign(&l->accepting, sse_loop_base(l->context->loop), l->fd, EV_READ | EV_PERSIST,
                 on_acceptable, l);
    event_add(&l->accepting, NULL);
    return SSE_OK;
}

void sse_listener_free(sse_listener *l)
{
    if (l->fd >= 0) {
        event_del(&l->accepting);
        sse_timer_wheel_cancel(&l->context->wheel, &l->accept_pause);
        evutil_closesocket(l->fd);
    }
    sse_tls_context_unref(l->tls);
    free(l);
}
