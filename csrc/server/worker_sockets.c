#include "worker_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addresses.h"
#include "binding.h"

#define PORT_TRIES 16 /* ports that are tried for all addresses of a host where any will do */

#if defined(__linux__) || defined(SO_REUSEPORT_LB)
#define SPREADS true
#else
#define SPREADS false
#endif

/* The sockets of an address. */
static evutil_socket_t *row(const sse_worker_sockets *s, size_t address)
{
    return s->fds + address * s->workers;
}

evutil_socket_t sse_worker_socket(const sse_worker_sockets *s, size_t worker, size_t address)
{
    return row(s, address)[worker];
}

/* Closes the sockets of an address. Workers that share one have the same number. */
static void close_row(evutil_socket_t *fds, size_t count)
{
    evutil_socket_t last = -1;

    for (size_t i = 0; i < count; i++) {
        evutil_socket_t fd = fds[i];

        if (fd >= 0 && fd != last)
            evutil_closesocket(fd);
        last = fd;
        fds[i] = -1;
    }
}

void sse_worker_sockets_close(sse_worker_sockets *s)
{
    for (size_t i = 0; i < s->addresses; i++)
        close_row(row(s, i), s->workers);
    free(s->fds);
    s->fds = NULL;
    s->addresses = 0;
    sse_unix_file_remove(&s->file);
}

/* --- opening ---------------------------------------------------------------------------------- */

static int make_room(sse_worker_sockets *s, size_t workers, size_t addresses)
{
    s->fds = malloc(workers * addresses * sizeof *s->fds);
    if (!s->fds)
        return SSE_ENOMEM;
    s->workers = workers;
    s->addresses = addresses;
    for (size_t i = 0; i < workers * addresses; i++)
        s->fds[i] = -1;
    return SSE_OK;
}

static void share(sse_worker_sockets *s, size_t address, evutil_socket_t fd)
{
    for (size_t i = 0; i < s->workers; i++)
        row(s, address)[i] = fd;
}

static int listen_on(evutil_socket_t *fd, const struct sockaddr_storage *address, socklen_t len,
                     bool port_reuse, int backlog)
{
    int number = 0;

    *fd = sse_bind_socket(address, len, port_reuse);
    if (*fd < 0)
        return errno;
    if (listen(*fd, backlog) == 0)
        return 0;
    number = errno;
    evutil_closesocket(*fd);
    *fd = -1;
    return number;
}

/* Finds out whether an address is free: sockets that allow others beside them would bind to one
 * that another program of the user's has bound in the same way. Port 0 becomes the one that the
 * system chooses. Returns errno. */
static int probe(struct sockaddr_storage *address, socklen_t len)
{
    evutil_socket_t fd = sse_bind_socket(address, len, false);

    if (fd < 0)
        return errno;
    sse_address_set_port(address, sse_bound_port(fd));
    evutil_closesocket(fd);
    return 0;
}

/* Opens the sockets of an address. Returns errno. */
static int open_row(sse_worker_sockets *s, size_t at, struct sockaddr_storage *address,
                    socklen_t len, bool port_reuse, int backlog)
{
    bool spread = SPREADS && s->workers > 1;
    evutil_socket_t *fds = row(s, at);
    int number = spread && !port_reuse ? probe(address, len) : 0;

    if (number)
        return number;
    number = listen_on(&fds[0], address, len, spread || port_reuse, backlog);
    if (number)
        return number;
    if (!spread) {
        share(s, at, fds[0]);
        return 0;
    }
    sse_address_set_port(address, sse_bound_port(fds[0]));
    for (size_t i = 1; i < s->workers && !number; i++)
        number = listen_on(&fds[i], address, len, true, backlog);
    return number;
}

/* Opens the sockets of all addresses of a host, all with one port. An address that this machine has
 * not is left out, unless there is no other. */
static int open_addresses(sse_worker_sockets *s, sse_address_list *list,
                          const sse_listen_options *o, size_t workers, int backlog, char *message,
                          size_t size)
{
    int code = make_room(s, workers, list->count);
    size_t opened = 0;

    for (size_t i = 0; i < list->count && !code; i++) {
        struct sockaddr_storage *address = &list->at[i].address;
        int number = 0;

        sse_address_set_port(address, opened > 0 ? s->port : o->port);
        number = open_row(s, opened, address, list->at[i].size, o->port_reuse, backlog);
        if (number) {
            code = sse_bind_failure(address, number, message, size);
            close_row(row(s, opened), workers);
        } else if (opened++ == 0) {
            s->port = sse_bound_port(row(s, 0)[0]);
        }
        if (code == SSE_EADDRNOTAVAIL && (opened > 0 || i + 1 < list->count))
            code = SSE_OK;
    }
    if (!code)
        s->addresses = opened;
    return code;
}

/* A port that the system chose for the first address may be in use on another one: then it chooses
 * anew. */
static int open_host(sse_worker_sockets *s, const sse_listen_options *o, size_t workers,
                     int backlog, char *message, size_t size)
{
    sse_address_list list;
    int code = sse_addresses_find(&list, o->host, message, size);

    for (int tries = o->port == 0 ? PORT_TRIES : 1; tries > 0 && !code; tries--) {
        code = open_addresses(s, &list, o, workers, backlog, message, size);
        if (code != SSE_EADDRINUSE || tries == 1)
            return code;
        sse_worker_sockets_close(s);
        code = SSE_OK;
    }
    return code;
}

static int open_unix(sse_worker_sockets *s, const sse_listen_options *o, size_t workers,
                     int backlog, char *message, size_t size)
{
    evutil_socket_t fd = -1;
    int code = make_room(s, workers, 1);

    if (!code)
        code = sse_unix_listen(o->unix_path, o->unix_mode, backlog, &fd, &s->file, message, size);
    if (!code)
        share(s, 0, fd);
    return code;
}

/* Copies of sockets that somebody else has opened. */
static int open_copies(sse_worker_sockets *s, const sse_listen_options *o, size_t workers,
                       int backlog, char *message, size_t size)
{
    int code = make_room(s, workers, o->fd_count);

    for (size_t i = 0; i < o->fd_count && !code; i++) {
        evutil_socket_t fd = fcntl(o->fds[i], F_DUPFD_CLOEXEC, 0);

        if (fd >= 0)
            share(s, i, fd);
        if (fd < 0 || listen(fd, backlog)) {
            code = sse_listen_code(errno);
            snprintf(message, size, "cannot listen on descriptor %d: %s", o->fds[i],
                     strerror(errno));
        } else if (i == 0) {
            s->port = sse_bound_port(fd);
        }
    }
    return code;
}

int sse_worker_sockets_open(sse_worker_sockets *s, const sse_listen_options *options,
                            size_t workers, int backlog, char *message, size_t size)
{
    int code = SSE_OK;

    snprintf(message, size, "%s", sse_error_text(SSE_ENOMEM));
    if (options->fd_count > 0)
        code = open_copies(s, options, workers, backlog, message, size);
    else if (options->unix_path)
        code = open_unix(s, options, workers, backlog, message, size);
    else
        code = open_host(s, options, workers, backlog, message, size);
    if (code)
        sse_worker_sockets_close(s);
    return code;
}
