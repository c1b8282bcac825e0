#define _GNU_SOURCE /* accept4 */
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../http/turn.h"
#include "address_limits.h"
#include "negotiation.h"

#define ACCEPTS_A_TURN 64
#define MAX_REFUSED    256 /* connections that are told 503 at a time; more are closed at once */
#define PAUSE_MS       100 /* ms until accepting is tried again when no descriptor is left */

struct sse_server {
    sse_context context;
    sse_server_options options;
    char *host;
    int port;
    evutil_socket_t fd; /* the listening socket; -1: none */
    /* Whether accepted sockets have the listener's options. */
    enum { UNKNOWN, YES, NO } inherits_options;
    struct event accepting;
    sse_deadline accept_pause; /* after it accepting is tried again */
    sse_deadline shutdown_end; /* after it the connections that are left are closed */
    sse_deferred idle;         /* calls report_idle */
    sse_address_limits address_limits;
    sse_tls_context *tls;     /* NULL: plain */
    size_t admitted, refused; /* open connections: within max_connections; told 503 */
    void *user;
    void (*on_request)(void *user, sse_exchange *x);
    void (*on_idle)(void *user);
};

const sse_limits sse_default_limits = {
    .max_connections = 10000,
    .max_head_size = 16 << 10,
    .max_target = 8 << 10,
    .max_body_size = 1 << 20,
    .max_bodies = 64 << 20,
    .max_pending = 1 << 20,
    .max_pending_total = 256 << 20,
    .head_timeout = 10000,
    .body_timeout = 30000,
    .idle_timeout = 60000,
    .write_timeout = 120000,
    .heartbeat = 15000,
    .max_concurrent_requests = 256,
};

/* --- accepted sockets ---------------------------------------------------- */

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

static void set_options(sse_server *server, evutil_socket_t client)
{
    if (server->inherits_options == UNKNOWN)
        server->inherits_options = inherits_options(client) ? YES : NO;
    if (server->inherits_options == NO)
        sse_connection_set_options(client, server->context.limits.write_timeout);
}

/* --- accepting ----------------------------------------------------------- */

static void refuse(sse_server *server, evutil_socket_t fd)
{
    server->context.count.refused++;
    if (server->refused >= MAX_REFUSED)
        evutil_closesocket(fd);
    else if (sse_negotiation_refuse(&server->context, fd, server->tls) == SSE_OK)
        server->refused++;
}

static void admit_or_refuse(sse_server *server, evutil_socket_t fd, const struct sockaddr *from)
{
    const sse_limits *limits = &server->context.limits;
    sse_address *address = NULL;
    sse_connection *c = NULL;
    int refused = 0;

    if (limits->max_connections && server->admitted >= limits->max_connections) {
        refuse(server, fd);
        return;
    }
    if (limits->max_connections_per_address) {
        address = sse_address_limits_enter(&server->address_limits, from,
                                           limits->max_connections_per_address, &refused);
        if (refused) {
            refuse(server, fd);
            return;
        }
    }
    if (sse_negotiation_accept(&server->context, fd, server->tls, &c)) {
        if (address)
            sse_address_limits_leave(&server->address_limits, address);
        return;
    }
    c->address = address;
    c->admitted = true;
    server->admitted++;
}

static void watch_listener(sse_server *server)
{
    if (server->fd >= 0)
        event_add(&server->accepting, NULL);
}

static void on_accept_pause_over(sse_deadline *d)
{
    watch_listener(SSE_CONTAINER_OF(d, sse_server, accept_pause));
}

/* Accepts one connection. False: none waits, or no descriptor or memory is left. */
static bool accept_one(sse_server *server)
{
    struct sockaddr_storage from;
    socklen_t size = sizeof from;
    evutil_socket_t client = accept_client(server->fd, (struct sockaddr *)&from, &size);

    if (client >= 0) {
        set_options(server, client);
        admit_or_refuse(server, client, (struct sockaddr *)&from);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        server->context.count.accept_pauses++;
        event_del(&server->accepting); /* or the loop would call again and again */
        sse_timer_wheel_set(&server->context.wheel, &server->accept_pause, PAUSE_MS);
    }
    return client >= 0;
}

static void on_acceptable(evutil_socket_t fd, short what, void *arg)
{
    sse_server *server = arg;

    (void)fd;
    (void)what;
    for (int i = 0; i < ACCEPTS_A_TURN && server->fd >= 0 && accept_one(server); i++)
        ;
}

/* --- listening ----------------------------------------------------------- */

static int code_of_errno(int number)
{
    switch (number) {
    case EADDRINUSE:
        return SSE_EADDRINUSE;
    case EADDRNOTAVAIL:
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

static int describe_failure(const sse_server *server, int number, char *message, size_t size)
{
    int code = code_of_errno(number);

    if (code == SSE_EADDRINUSE)
        snprintf(message, size, "address %s:%d is already in use; choose another port",
                 server->host, server->options.port);
    else if (code == SSE_EADDRNOTAVAIL)
        snprintf(message, size, "cannot listen on %s:%d: this machine has no such address",
                 server->host, server->options.port);
    else
        snprintf(message, size, "cannot listen on %s:%d: %s", server->host, server->options.port,
                 strerror(number));
    return code;
}

static evutil_socket_t open_listener(const sse_server *server, const struct addrinfo *a)
{
    evutil_socket_t fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    int number = 0;

    if (fd < 0)
        return -1;
    evutil_make_socket_nonblocking(fd);
    evutil_make_socket_closeonexec(fd);
    evutil_make_listen_socket_reuseable(fd);
    sse_connection_set_options(fd, server->context.limits.write_timeout);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, server->options.backlog) == 0)
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

int sse_server_listen(sse_server *server, char *message, size_t size)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *list = NULL;
    char port[16];
    int got = 0, number = 0;

    if (server->fd >= 0) {
        snprintf(message, size, "the server listens already, on port %d", server->port);
        return SSE_ESTATE;
    }
    snprintf(port, sizeof port, "%d", server->options.port);
    got = getaddrinfo(server->host, port, &hints, &list);
    if (got != 0) {
        snprintf(message, size, "cannot listen on '%s': %s", server->host, gai_strerror(got));
        return SSE_ENOTFOUND;
    }
    for (struct addrinfo *a = list; a && server->fd < 0; a = a->ai_next) {
        server->fd = open_listener(server, a);
        number = errno;
    }
    freeaddrinfo(list);
    if (server->fd < 0)
        return describe_failure(server, number, message, size);
    server->port = bound_port(server->fd);
    server->context.shutdown.on = false;
    sse_timer_wheel_cancel(&server->context.wheel, &server->shutdown_end);
    event_assign(&server->accepting, sse_loop_base(server->context.loop), server->fd,
                 EV_READ | EV_PERSIST, on_acceptable, server);
    watch_listener(server);
    return SSE_OK;
}

/* --- new, shutdown, close and free --------------------------------------- */

static void on_request(void *user, sse_exchange *x)
{
    sse_server *server = user;

    server->on_request(server->user, x);
}

static void on_connection_free(void *user, sse_connection *c)
{
    sse_server *server = user;

    if (c->address)
        sse_address_limits_leave(&server->address_limits, c->address);
    if (c->admitted)
        server->admitted--;
    else
        server->refused--;
    if (server->fd < 0)
        sse_loop_defer(server->context.loop, &server->idle);
}

/* Deferred, because on_idle may lead to the server's free. */
static void report_idle(void *arg)
{
    sse_server *server = arg;

    if (server->fd >= 0 || server->context.count.connections > 0 || !server->on_idle)
        return;
    sse_timer_wheel_cancel(&server->context.wheel, &server->shutdown_end);
    if (!sse_context_has_work(&server->context))
        server->on_idle(server->user);
    else
        sse_loop_defer(server->context.loop, &server->idle); /* after the ends are reported */
}

static int make_tls(sse_server *server, const sse_tls_options *options, char *message, size_t size)
{
    sse_tls_options tls = *options;

    tls.alpn = sse_negotiation_alpn;
    return sse_tls_context_new(&tls, &server->tls, message, size);
}

static void on_shutdown_end(sse_deadline *d)
{
    sse_context_close_all(&SSE_CONTAINER_OF(d, sse_server, shutdown_end)->context);
}

int sse_server_new(sse_loop *loop, const sse_server_options *options, void *user,
                   void (*on_request_)(void *user, sse_exchange *x), void (*on_idle)(void *user),
                   sse_server **out, char *message, size_t size)
{
    sse_server *server = calloc(1, sizeof *server);
    int code = SSE_ENOMEM;

    snprintf(message, size, "%s", sse_error_text(code));
    if (!server)
        return code;
    server->options = *options;
    server->options.tls = NULL;
    server->host = strdup(options->host ? options->host : "127.0.0.1");
    if (server->host)
        code = options->tls ? make_tls(server, options->tls, message, size) : SSE_OK;
    if (code) {
        free(server->host);
        free(server);
        return code;
    }
    server->fd = -1;
    server->port = options->port;
    server->accept_pause.call = on_accept_pause_over;
    server->shutdown_end.call = on_shutdown_end;
    server->user = user;
    server->on_request = on_request_;
    server->on_idle = on_idle;
    sse_deferred_init(&server->idle, report_idle, server);
    server->address_limits.seed = *sse_loop_seed(loop);
    sse_context_start(&server->context, loop, &options->limits);
    server->context.user = server;
    server->context.on_request = on_request;
    server->context.on_connection_free = on_connection_free;
    *out = server;
    return SSE_OK;
}

void sse_server_stop_listening(sse_server *server)
{
    if (server->fd < 0)
        return;
    event_del(&server->accepting);
    sse_timer_wheel_cancel(&server->context.wheel, &server->accept_pause);
    evutil_closesocket(server->fd);
    server->fd = -1;
    sse_loop_defer(server->context.loop, &server->idle);
}

void sse_server_shut_down(sse_server *server, const sse_shutdown_options *options)
{
    if (server->context.shutdown.on)
        return;
    for (int i = 0; server->fd >= 0 && i < server->options.backlog && accept_one(server); i++)
        ; /* closing the listener would reset the connections that wait */
    sse_server_stop_listening(server);
    sse_context_shut_down(&server->context, options->within, options->retry);
    sse_timer_wheel_set(&server->context.wheel, &server->shutdown_end,
                        options->within + options->grace);
}

void sse_server_close(sse_server *server)
{
    sse_server_stop_listening(server);
    sse_timer_wheel_cancel(&server->context.wheel, &server->shutdown_end);
    sse_context_close_all(&server->context);
}

void sse_server_free(sse_server *server)
{
    if (!server)
        return;
    server->on_idle = NULL;
    sse_server_close(server);
    sse_context_free(&server->context);
    sse_loop_undefer(server->context.loop, &server->idle);
    sse_address_limits_free(&server->address_limits);
    sse_tls_context_free(server->tls);
    free(server->host);
    free(server);
}

bool sse_server_listening(const sse_server *server)
{
    return server->fd >= 0;
}

int sse_server_port(const sse_server *server)
{
    return server->port;
}

const sse_counters *sse_server_counters(const sse_server *server)
{
    return &server->context.count;
}

sse_tls_context *sse_server_tls(const sse_server *server)
{
    return server->tls;
}
