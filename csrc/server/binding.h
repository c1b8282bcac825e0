/* binding.h: binds a TCP socket to an address. */
#ifndef SSE_SERVER_BINDING_H
#define SSE_SERVER_BINDING_H

#include <event2/util.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* Returns a bound socket that does not listen yet; -1 and errno. port_reuse: others may be bound to
 * the address, too, if they allow the same, and the kernel spreads connections over them. */
evutil_socket_t sse_bind_socket(const struct sockaddr_storage *address, socklen_t len,
                                bool port_reuse);

/* The port that a socket is bound to; 0: none. */
int sse_bound_port(evutil_socket_t fd);

/* Writes why an address can't be listened on, by an errno; returns its code. */
int sse_bind_failure(const struct sockaddr_storage *address, int number, char *message,
                     size_t size);

#endif
