#define _GNU_SOURCE /* accept4 */
#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#include "../http/connection.h"
#include "binding.h"

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
    if (l->is_unix)
        return; /* the options are TCP's */
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
    evutil_socket_t client = -1;

    /* Not every system tells the family of a Unix socket's client. */
    from.ss_family = l->is_unix ? AF_UNIX : AF_UNSPEC;
    client = accept_client(l->fd, (struct sockaddr *)&from, &size);
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

sse_listener *sse_listener_new(sse_context *context, void *user,
                               void (*on_accepted)(void *user, sse_listener *l, evutil_socket_t fd,
                                                   const struct sockaddr *from))
{
    sse_listener *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    l->context = context;
    l->fd = l->copy_of = -1;
    l->accept_pause.call = on_accept_pause_over;
    l->user = user;
    l->on_accepted = on_accepted;
    return l;
}

/* Accepts from now on. */
static void start(sse_listener *l)
{
    l->port = sse_bound_port(l->fd);
    event_assign(&l->accepting, sse_loop_base(l->context->loop), l->fd, EV_READ | EV_PERSIST,
                 on_acceptable, l);
    event_add(&l->accepting, NULL);
}

int sse_listener_open(sse_listener *l, const struct sockaddr_storage *address, socklen_t len,
                      bool port_reuse, int backlog, char *message, size_t size)
{
    int number = 0;

    l->fd = sse_bind_socket(address, len, port_reuse);
    if (l->fd < 0)
        return sse_bind_failure(address, errno, message, size);
    sse_connection_set_options(l->fd, l->context->limits.write_timeout);
    if (listen(l->fd, backlog) == 0) {
        start(l);
        return SSE_OK;
    }
    number = errno;
    evutil_closesocket(l->fd);
    l->fd = -1;
    return sse_bind_failure(address, number, message, size);
}

int sse_listener_open_unix(sse_listener *l, const char *path, int mode, int backlog, char *message,
                           size_t size)
{
    int code = sse_unix_listen(path, mode, backlog, &l->fd, &l->file, message, size);

    if (code)
        return code;
    l->is_unix = true;
    start(l);
    return SSE_OK;
}

/* What keeps a descriptor from being listened on, as errno; 0: nothing. */
static int check_socket(int fd, bool *is_unix)
{
    struct sockaddr_storage address = { 0 };
    socklen_t size = sizeof address, type_size = sizeof(int);
    int type = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) ||
        getsockname(fd, (struct sockaddr *)&address, &size))
        return errno;
    *is_unix = address.ss_family == AF_UNIX;
    if (type != SOCK_STREAM)
        return EPROTOTYPE;
    return *is_unix || sse_bound_port(fd) > 0 ? 0 : EDESTADDRREQ;
}

int sse_listener_open_copy(sse_listener *l, int fd, int backlog, char *message, size_t size)
{
    int number = check_socket(fd, &l->is_unix);

    l->copy_of = fd;
    if (!number) {
        l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (l->fd < 0 || evutil_make_socket_nonblocking(l->fd) ||
            (backlog > 0 && listen(l->fd, backlog)))
            number = errno;
    }
    if (number) {
        snprintf(message, size, "cannot listen on descriptor %d: %s", fd,
                 number == EPROTOTYPE     ? "it is no stream socket"
                 : number == EDESTADDRREQ ? "the socket is not bound to an address"
                 : number == EINVAL       ? "the socket is connected"
                                          : strerror(number));
        if (l->fd >= 0)
            evutil_closesocket(l->fd);
        l->fd = -1;
        return sse_listen_code(number);
    }
    start(l);
    return SSE_OK;
}

void sse_listener_free(sse_listener *l)
{
    if (l->fd >= 0) {
        event_del(&l->accepting);
        sse_timer_wheel_cancel(&l->context->wheel, &l->accept_pause);
        sse_unix_file_remove(&l->file); /* before the socket is closed, which keeps the inode from
                                           becoming that of another process's file */
        evutil_closesocket(l->fd);
    }
    sse_tls_context_unref(l->tls);
    free(l);
}
