#include "binding.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "../wire/error.h"
#include "addresses.h"
#include "unix_socket.h"

/* Lets others bind to the same address, too. */
static int allow_reuse(evutil_socket_t fd)
{
#if defined(SO_REUSEPORT_LB)
    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT_LB, &(int){ 1 }, sizeof(int));
#elif defined(SO_REUSEPORT)
    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &(int){ 1 }, sizeof(int));
#else
    (void)fd;
    errno = EOPNOTSUPP;
    return -1;
#endif
}

evutil_socket_t sse_bind_socket(const struct sockaddr_storage *address, socklen_t len,
                                bool port_reuse)
{
    evutil_socket_t fd = socket(address->ss_family, SOCK_STREAM, 0);
    int number = 0;

    if (fd < 0)
        return -1;
    evutil_make_socket_nonblocking(fd);
    evutil_make_socket_closeonexec(fd);
    evutil_make_listen_socket_reuseable(fd);
    if ((!port_reuse || allow_reuse(fd) == 0) &&
        bind(fd, (const struct sockaddr *)address, len) == 0)
        return fd;
    number = errno;
    evutil_closesocket(fd);
    errno = number;
    return -1;
}

int sse_bound_port(evutil_socket_t fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } bound = { 0 };
    socklen_t size = sizeof bound;

    if (getsockname(fd, &bound.any, &size) != 0)
        return 0;
    if (bound.any.sa_family == AF_INET6)
        return ntohs(bound.six.sin6_port);
    return bound.any.sa_family == AF_INET ? ntohs(bound.four.sin_port) : 0;
}

int sse_bind_failure(const struct sockaddr_storage *address, int number, char *message, size_t size)
{
    int code = sse_listen_code(number);
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
