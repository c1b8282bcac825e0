/* worker_sockets.h: the listening sockets of processes that are forked later. Where the kernel
 * spreads connections over sockets that are bound to one address (SO_REUSEPORT on Linux,
 * SO_REUSEPORT_LB on FreeBSD), each worker has one of its own for each address; elsewhere, and on
 * paths, all workers accept from one. The process that has opened them keeps them open, so that the
 * connections that wait in a socket survive the worker that would have accepted them. So does each
 * worker, so that it can accept them while another one's place is empty. */
#ifndef SSE_SERVER_WORKER_SOCKETS_H
#define SSE_SERVER_WORKER_SOCKETS_H

#include "opening.h"
#include "unix_socket.h"

typedef struct sse_worker_sockets {
    size_t workers;
    size_t addresses;     /* of the host, or descriptors */
    evutil_socket_t *fds; /* of each address in turn one for each worker; -1: none */
    int port;             /* of the first address; 0: it has none */
    sse_unix_file file;
} sse_worker_sockets;

/* Opens all, or none. Of the options `host` and `port` must be given where `fds` and `unix_path`
 * are not. An address that anybody else listens on is refused, unless `port_reuse` is set. Errors
 * and message as those of sse_server_listen. */
int sse_worker_sockets_open(sse_worker_sockets *s, const sse_listen_options *options,
                            size_t workers, int backlog, char *message, size_t size);

/* The socket of a worker, from 0, for an address, from 0. */
evutil_socket_t sse_worker_socket(const sse_worker_sockets *s, size_t worker, size_t address);

/* Closes all in this process, and removes a Unix socket's file, if this process has made it.
 * Harmless for what is zeroed. */
void sse_worker_sockets_close(sse_worker_sockets *s);

#endif
