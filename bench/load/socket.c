#include "socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

/* --- plain sockets ---------------------------------------------------------------------------- */

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

/* --- opening and closing ---------------------------------------------------------------------- */

/* A pair of addresses has some 28,000 ports. Sources go round 127.0.0.1 to .8, on systems where the
 * port can be chosen when the socket connects. */
static void bind_to_source(int fd, unsigned source)
{
    struct sockaddr_in from = { .sin_family = AF_INET };

    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + source % 8);
#ifdef IP_BIND_ADDRESS_NO_PORT
    int on = 1;

    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    bind(fd, (struct sockaddr *)&from, sizeof from);
#else
    (void)fd;
#endif
}

int load_socket_open(load_socket *s, const load_io *io, int port, unsigned source,
                     int receive_buffer)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int on = 1, error;

    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    s->io = io;
    s->state = NULL;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (s->fd < 0)
        return -1;
    fcntl(s->fd, F_SETFL, O_NONBLOCK);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (receive_buffer)
        setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    if (source)
        bind_to_source(s->fd, source);
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS)
        return 0;
    error = errno;
    close(s->fd);
    s->fd = -1;
    errno = error;
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
