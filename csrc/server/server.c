#include "server.h"

#include <stdio.h>
#include <stdlib.h>

#include "../http/turn.h"
#include "../push/heartbeat.h"
#include "address_limits.h"
#include "negotiation.h"
#include "proxied.h"

#define MAX_REFUSED 256 /* connections past a limit that are open at a time; more are closed */

struct sse_server {
    sse_context context;
    char *host;
    int asked_port;            /* of the options */
    int port;                  /* the first one that a listener has; before that asked_port */
    int backlog;               /* of listen(2) */
    sse_listener *listeners;   /* oldest first; NULL: it does not listen */
    sse_deadline shutdown_end; /* after it the connections that are left are closed */
    sse_deferred idle;         /* calls report_idle */
    sse_address_limits address_limits;
    sse_tls_context *tls; /* of listeners without one of their own; NULL: they are plain */
    sse_tls_counters tls_count;
    sse_policy policy;
    size_t admitted, refused; /* open connections: within the limits, and past one */
    void *user;
    void (*on_request)(void *user, sse_exchange *x);
    void (*on_response)(void *user, sse_request *r);
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

/* --- accepting ----------------------------------------------------------- */

/* Whether a client counts by its address: not a proxy that is trusted, which has connections for
 * all of its clients. */
static bool has_limit(const sse_server *server, const sse_client *client)
{
    const sse_trust *trust = &server->context.trust;

    return server->context.limits.max_connections_per_address && client->len > SSE_CLIENT_UNIX &&
           !sse_networks_have(trust->networks, trust->count, client);
}

/* context->enter_address: counts a connection or a request of the client. */
static bool enter_address(void *user, const sse_client *client, void **entry)
{
    sse_server *server = user;
    int refused = 0;

    *entry = NULL;
    if (!has_limit(server, client))
        return true;
    *entry = sse_address_limits_enter(&server->address_limits, client,
                                      server->context.limits.max_connections_per_address, &refused);
    server->context.count.refused += (uint64_t)refused;
    return !refused;
}

static void leave_address(void *user, void *entry)
{
    sse_server *server = user;

    sse_address_limits_leave(&server->address_limits, entry);
}

/* Marks the connection of a client past a limit. Its request is read, since the response depends on
 * it (see own_response.h), but its bytes get to no handler. What the client may cost is bounded:
 * one head of max_head_size, SSE_REFUSED_MS and the time of lingering, and only some clients at a
 * time. */
static void mark_refused(sse_server *server, sse_connection *c)
{
    uint64_t wait = server->context.limits.head_timeout;

    server->refused++;
    c->refused = true;
    sse_connection_set_final_deadline(c, wait < SSE_REFUSED_MS ? wait : SSE_REFUSED_MS);
}

/* A PROXY header has told the client of a connection. */
static void on_known(void *user, sse_connection *c)
{
    sse_server *server = user;

    if (c->refused || enter_address(user, &c->client, &c->address))
        return;
    if (server->refused >= MAX_REFUSED) {
        sse_connection_close(c, SSE_END_SERVER);
        return;
    }
    server->admitted--;
    mark_refused(server, c);
}

/* Whether there is room for another connection. */
static bool has_room(sse_server *server)
{
    const sse_limits *limits = &server->context.limits;

    if (!limits->max_connections || server->admitted < limits->max_connections)
        return true;
    server->context.count.refused++;
    return false;
}

static int start(sse_server *server, sse_listener *l, evutil_socket_t fd, sse_connection **c)
{
    if (l->proxy_protocol)
        return sse_proxied_start(&server->context, fd, l->tls, on_known, c);
    return sse_negotiation_start(&server->context, fd, l->tls, c);
}

static void on_accepted(void *user, sse_listener *l, evutil_socket_t fd,
                        const struct sockaddr *from)
{
    sse_server *server = user;
    const sse_trust *trust = &server->context.trust;
    sse_client client = sse_client_of_address(from);
    sse_connection *c = NULL;
    void *address = NULL;
    bool admitted = false;

    if (l->proxy_protocol && !sse_networks_have(trust->networks, trust->count, &client)) {
        server->context.count.unproxied++;
        evutil_closesocket(fd);
        return;
    }
    admitted = has_room(server) && enter_address(server, &client, &address);
    if (!admitted && server->refused >= MAX_REFUSED) {
        evutil_closesocket(fd);
        return;
    }
    if (start(server, l, fd, &c)) {
        if (address)
            leave_address(server, address);
        return;
    }
    if (!admitted) {
        mark_refused(server, c);
        return;
    }
    if (!sse_connection_ended(c))
        server->context.count.accepted++;
    c->address = address;
    server->admitted++;
}

/* --- listening ----------------------------------------------------------- */

static int make_tls(sse_server *server, const sse_tls_options *options, sse_tls_context **out,
                    char *message, size_t size)
{
    sse_tls_options tls = *options;

    tls.alpn = sse_negotiation_alpn;
    return sse_tls_context_new(&tls, &server->tls_count, out, message, size);
}

/* The TLS of new listeners, with a reference: their own, or the server's, or NULL for none. */
static int choose_tls(sse_server *server, const sse_listen_options *options, sse_tls_context **out,
                      char *message, size_t size)
{
    *out = NULL;
    if (options->tls)
        return make_tls(server, options->tls, out, message, size);
    if (server->tls && !options->plain)
        *out = sse_tls_context_ref(server->tls);
    return SSE_OK;
}

static void add_listeners(sse_server *server, sse_listener *list, sse_tls_context *tls)
{
    sse_listener **end = &server->listeners;
    bool has_port = false;

    while (*end) {
        has_port = has_port || (*end)->port > 0;
        end = &(*end)->next;
    }
    *end = list;
    for (sse_listener *l = list; l; l = l->next) {
        if (tls)
            l->tls = sse_tls_context_ref(tls);
        if (!has_port && l->port > 0)
            server->port = l->port;
        has_port = has_port || l->port > 0;
    }
    server->context.shutdown.on = false;
    sse_timer_wheel_cancel(&server->context.wheel, &server->shutdown_end);
}

int sse_server_listen(sse_server *server, const sse_listen_options *given, char *message,
                      size_t size)
{
    sse_listening of = { &server->context, server, on_accepted,
                         given->listening ? 0 : server->backlog };
    sse_listen_options options = *given;
    sse_tls_context *tls = NULL;
    sse_listener *list = NULL;
    int code = SSE_OK;

    if (!options.host)
        options.host = server->host;
    if (options.port < 0)
        options.port = server->asked_port;
    snprintf(message, size, "%s", sse_error_text(SSE_ENOMEM));
    code = choose_tls(server, &options, &tls, message, size);
    if (!code)
        code = sse_open_listeners(&of, &options, &list, message, size);
    if (!code)
        add_listeners(server, list, tls);
    sse_tls_context_unref(tls);
    return code;
}

int sse_server_listen_like(sse_server *server, int fd, const int *fds, size_t count, char *message,
                           size_t size)
{
    sse_listening of = { &server->context, server, on_accepted, 0 };
    sse_listen_options options = { .fds = fds, .fd_count = count };
    sse_listener *like = server->listeners, *list = NULL;
    int code = SSE_OK;

    while (like && like->copy_of != fd)
        like = like->next;
    snprintf(message, size, "%s", sse_error_text(like ? SSE_ENOMEM : SSE_ESTATE));
    if (!like)
        return SSE_ESTATE;
    options.proxy_protocol = like->proxy_protocol;
    code = sse_open_listeners(&of, &options, &list, message, size);
    if (!code)
        add_listeners(server, list, like->tls);
    return code;
}

/* The first listener from *l on with TLS that neither the server has nor the listener before, which
 * may be of the same host; NULL: none. *l moves behind it. */
static sse_listener *next_with_tls(const sse_server *server, sse_listener **l)
{
    while (*l) {
        sse_listener *found = *l;

        *l = found->next;
        while (*l && (*l)->tls == found->tls)
            *l = (*l)->next;
        if (found->tls && found->tls != server->tls)
            return found;
    }
    return NULL;
}

/* Reads the files of every TLS context that accepts connections. */
static int read_tls_files(sse_server *server, char *message, size_t size)
{
    int code = server->tls ? sse_tls_context_read(server->tls, message, size) : SSE_OK;
    sse_listener *rest = server->listeners, *l = NULL;

    while (!code && (l = next_with_tls(server, &rest)) != NULL)
        code = sse_tls_context_read(l->tls, message, size);
    return code;
}

/* Calls sse_tls_context_use or sse_tls_context_drop for every TLS context. */
static void for_each_tls(sse_server *server, void (*call)(sse_tls_context *context))
{
    if (server->tls)
        call(server->tls);
    for (sse_listener *l = server->listeners; l; l = l->next)
        if (l->tls)
            call(l->tls);
}

int sse_server_reload_tls(sse_server *server, char *message, size_t size)
{
    int code = read_tls_files(server, message, size);

    for_each_tls(server, code ? sse_tls_context_drop : sse_tls_context_use);
    return code;
}

size_t sse_server_tls_contexts(const sse_server *server)
{
    size_t count = server->tls ? 1 : 0;
    sse_listener *rest = server->listeners;

    while (next_with_tls(server, &rest))
        count++;
    return count;
}

/* --- new, shutdown, close and free --------------------------------------- */

static void on_request(void *user, sse_exchange *x)
{
    sse_server *server = user;

    server->on_request(server->user, x);
}

static void on_recorded(void *user, sse_request *r)
{
    sse_server *server = user;

    server->on_response(server->user, r);
}

static void on_connection_free(void *user, sse_connection *c)
{
    sse_server *server = user;

    if (c->address)
        sse_address_limits_leave(&server->address_limits, c->address);
    if (c->refused)
        server->refused--;
    else
        server->admitted--;
    if (!server->listeners)
        sse_loop_defer(server->context.loop, &server->idle);
}

/* Deferred, because on_idle may lead to the server's free. */
static void report_idle(void *arg)
{
    sse_server *server = arg;

    if (server->listeners || server->context.count.connections > 0 || !server->on_idle)
        return;
    sse_timer_wheel_cancel(&server->context.wheel, &server->shutdown_end);
    if (!sse_context_has_work(&server->context))
        server->on_idle(server->user);
    else
        sse_loop_defer(server->context.loop, &server->idle); /* after the ends are reported */
}

static void on_shutdown_end(sse_deadline *d)
{
    sse_server *server = SSE_CONTAINER_OF(d, sse_server, shutdown_end);

    if (!sse_timer_wheel_excuse(&server->context.wheel, d))
        sse_context_close_all(&server->context);
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
    server->host = strdup(options->host ? options->host : "127.0.0.1");
    if (server->host)
        code = sse_policy_read(&server->policy, &options->policy, message, size);
    if (!code && options->tls)
        code = make_tls(server, options->tls, &server->tls, message, size);
    if (code) {
        sse_policy_free(&server->policy);
        free(server->host);
        free(server);
        return code;
    }
    server->port = server->asked_port = options->port;
    server->backlog = options->backlog;
    server->shutdown_end.call = on_shutdown_end;
    server->user = user;
    server->on_request = on_request_;
    server->on_idle = on_idle;
    sse_deferred_init(&server->idle, report_idle, server);
    server->address_limits.seed = *sse_loop_seed(loop);
    sse_context_start(&server->context, loop, &options->limits);
    server->context.user = server;
    server->context.trust = server->policy.trust;
    server->context.hosts = server->policy.hosts;
    server->context.host_count = server->policy.host_count;
    server->context.enter_address = enter_address;
    server->context.leave_address = leave_address;
    server->context.on_request = on_request;
    server->context.on_recorded = on_recorded;
    server->context.on_connection_free = on_connection_free;
    server->context.cross_origin = options->cross_origin;
    code =
        sse_heartbeat_hold(&server->context, options->heartbeat_event, &server->context.heartbeat);
    if (code) {
        snprintf(message, size, "heartbeat: %s", sse_error_text(code));
        sse_server_free(server);
        return code;
    }
    *out = server;
    return SSE_OK;
}

void sse_server_set_on_response(sse_server *server, void (*on_response)(void *user, sse_request *r))
{
    if (on_response)
        server->on_response = on_response;
    server->context.recording = on_response != NULL;
}

void sse_server_stop_copies(sse_server *server, int fd)
{
    sse_listener **link = &server->listeners;

    while (*link) {
        sse_listener *l = *link;

        if (l->copy_of != fd) {
            link = &l->next;
            continue;
        }
        *link = l->next;
        sse_listener_free(l);
        if (!server->listeners)
            sse_loop_defer(server->context.loop, &server->idle);
    }
}

void sse_server_stop_listening(sse_server *server)
{
    if (!server->listeners)
        return;
    sse_listeners_free(server->listeners);
    server->listeners = NULL;
    sse_loop_defer(server->context.loop, &server->idle);
}

void sse_server_shut_down(sse_server *server, const sse_shutdown_options *options)
{
    if (server->context.shutdown.on) {
        sse_server_close(server);
        return;
    }
    for (sse_listener *l = server->listeners; l; l = l->next)
        sse_listener_accept(l, server->backlog); /* closing it would reset those who wait */
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
    sse_heartbeats_free(&server->context);
    sse_loop_undefer(server->context.loop, &server->idle);
    sse_address_limits_free(&server->address_limits);
    sse_tls_context_unref(server->tls);
    sse_policy_free(&server->policy);
    free(server->host);
    free(server);
}

void *sse_server_user(const sse_context *context)
{
    return ((const sse_server *)context->user)->user;
}

void sse_server_each_exchange(sse_server *server, void (*fn)(void *arg, sse_exchange *x), void *arg)
{
    sse_exchange_each(&server->context, fn, arg);
}

bool sse_server_listening(const sse_server *server)
{
    return server->listeners != NULL;
}

int sse_server_port(const sse_server *server)
{
    return server->port;
}

const sse_counters *sse_server_counters(const sse_server *server)
{
    return &server->context.count;
}

const sse_tls_counters *sse_server_tls_counters(const sse_server *server)
{
    return &server->tls_count;
}
