#include "server.h"

#include <stdio.h>
#include <stdlib.h>

#include "../http/turn.h"
#include "../push/heartbeat.h"
#include "address_limits.h"
#include "addresses.h"
#include "listener.h"
#include "negotiation.h"

#define MAX_REFUSED 256 /* connections past a limit that are open at a time; more are closed */
#define PORT_TRIES  16  /* ports that are tried for all addresses of a host where any will do */

struct sse_server {
    sse_context context;
    char *host;
    int asked_port;            /* of the options */
    int port;                  /* the first listener's; before the server listens asked_port */
    int backlog;               /* of listen(2) */
    sse_listener *listeners;   /* oldest first; NULL: it does not listen */
    sse_deadline shutdown_end; /* after it the connections that are left are closed */
    sse_deferred idle;         /* calls report_idle */
    sse_address_limits address_limits;
    sse_tls_context *tls; /* of listeners without one of their own; NULL: they are plain */
    sse_tls_counters tls_count;
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

/* A client past a limit. Its request is read, since the response depends on it (see
 * own_response.h), but its bytes get to no handler. What the client may cost is bounded: one head
 * of max_head_size, SSE_REFUSED_MS and the time of lingering, and only some clients at a time. */
static void refuse(sse_server *server, evutil_socket_t fd, sse_tls_context *tls)
{
    sse_connection *c = NULL;
    uint64_t wait = server->context.limits.head_timeout;

    server->context.count.refused++;
    if (server->refused >= MAX_REFUSED) {
        evutil_closesocket(fd);
    } else if (sse_negotiation_start(&server->context, fd, tls, &c) == SSE_OK) {
        server->refused++;
        c->refused = true;
        sse_connection_set_final_deadline(c, wait < SSE_REFUSED_MS ? wait : SSE_REFUSED_MS);
    }
}

static void on_accepted(void *user, sse_listener *l, evutil_socket_t fd,
                        const struct sockaddr *from)
{
    sse_server *server = user;
    const sse_limits *limits = &server->context.limits;
    sse_address *address = NULL;
    sse_connection *c = NULL;
    int refused = 0;

    if (limits->max_connections && server->admitted >= limits->max_connections) {
        refuse(server, fd, l->tls);
        return;
    }
    if (limits->max_connections_per_address) {
        address = sse_address_limits_enter(&server->address_limits, from,
                                           limits->max_connections_per_address, &refused);
        if (refused) {
            refuse(server, fd, l->tls);
            return;
        }
    }
    if (sse_negotiation_start(&server->context, fd, l->tls, &c)) {
        if (address)
            sse_address_limits_leave(&server->address_limits, address);
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

static void free_listeners(sse_listener *list)
{
    while (list) {
        sse_listener *next = list->next;

        sse_listener_free(list);
        list = next;
    }
}

/* Opens a listener for each address, all with one port; 0: the first one's. An address that this
 * machine has not is left out, unless there is no other. *list gets the listeners. */
static int open_listeners(sse_server *server, sse_address_list *addresses, int port,
                          sse_listener **list, char *message, size_t size)
{
    sse_listener **end = list;
    int code = SSE_OK;

    for (size_t i = 0; i < addresses->count; i++) {
        sse_listener *l = sse_listener_new(&server->context, server, on_accepted);

        if (!l)
            return SSE_ENOMEM;
        sse_address_set_port(&addresses->at[i].address, *list ? (*list)->port : port);
        code = sse_listener_open(l, &addresses->at[i].address, addresses->at[i].size,
                                 server->backlog, message, size);
        if (code) {
            sse_listener_free(l);
            if (code == SSE_EADDRNOTAVAIL)
                continue;
            return code;
        }
        *end = l;
        end = &l->next;
    }
    return *list ? SSE_OK : code;
}

/* As open_listeners. A port that the system chose for the first address may be in use on another
 * one: then it chooses anew. */
static int open_all(sse_server *server, sse_address_list *addresses, int port, sse_listener **list,
                    char *message, size_t size)
{
    int code = SSE_EADDRINUSE;

    for (int tries = port == 0 ? PORT_TRIES : 1; tries > 0 && code == SSE_EADDRINUSE; tries--) {
        code = open_listeners(server, addresses, port, list, message, size);
        if (code) {
            free_listeners(*list);
            *list = NULL;
        }
    }
    return code;
}

static void add_listeners(sse_server *server, sse_listener *list, sse_tls_context *tls)
{
    sse_listener **end = &server->listeners;

    if (!server->listeners)
        server->port = list->port;
    while (*end)
        end = &(*end)->next;
    *end = list;
    for (sse_listener *l = list; l && tls; l = l->next)
        l->tls = sse_tls_context_ref(tls);
    server->context.shutdown.on = false;
    sse_timer_wheel_cancel(&server->context.wheel, &server->shutdown_end);
}

int sse_server_listen(sse_server *server, const sse_listen_options *options, char *message,
                      size_t size)
{
    const char *host = options->host ? options->host : server->host;
    int port = options->port >= 0 ? options->port : server->asked_port, code = SSE_OK;
    sse_tls_context *tls = NULL;
    sse_listener *list = NULL;
    sse_address_list addresses;

    snprintf(message, size, "%s", sse_error_text(SSE_ENOMEM));
    code = choose_tls(server, options, &tls, message, size);
    if (!code)
        code = sse_addresses_find(&addresses, host, message, size);
    if (!code)
        code = open_all(server, &addresses, port, &list, message, size);
    if (!code)
        add_listeners(server, list, tls);
    sse_tls_context_unref(tls);
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
        code = options->tls ? make_tls(server, options->tls, &server->tls, message, size) : SSE_OK;
    if (code) {
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

void sse_server_stop_listening(sse_server *server)
{
    if (!server->listeners)
        return;
    free_listeners(server->listeners);
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
    free(server->host);
    free(server);
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
