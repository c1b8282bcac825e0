/* Sockets to a server on this machine, plain or with something on top. */
#ifndef LOAD_SOCKET_H
#define LOAD_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct load_io load_io;

typedef struct load_socket {
    int fd; /* -1: closed */
    const load_io *io;
    void *state;      /* the io's own */
    const char *alpn; /* to ask for over TLS; NULL: http/1.1. Set before the socket opens */
} load_socket;

/* How bytes go over a socket. */
struct load_io {
    /* Finishes the connection, when the socket has become writable and again whenever it becomes
     * what was returned: 0 connected, EV_READ or EV_WRITE to wait for, -1 with errno. */
    int (*start)(load_socket *socket);
    /* As recv and send: -1 with EAGAIN when they would block. */
    ssize_t (*read)(load_socket *socket, char *bytes, size_t len);
    ssize_t (*write)(load_socket *socket, const char *bytes, size_t len);
    /* Frees the state; load_socket_close closes the descriptor. */
    void (*close)(load_socket *socket);
};

extern const load_io load_plain_io;

/* Begins to connect to 127.0.0.1:port. Returns 0, or -1 with errno set.
 * source: index of the loopback address to connect from, so that more connections than one pair of
 * addresses has ports are possible; 0: the system chooses.
 * receive_buffer: bytes, 0: the system chooses. */
int load_socket_open(load_socket *socket, const load_io *io, int port, unsigned source,
                     int receive_buffer);
/* Closes the socket if it is open; with a reset instead of an orderly end if `reset`. */
void load_socket_close(load_socket *socket, bool reset);

#endif
