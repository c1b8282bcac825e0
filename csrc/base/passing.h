/* passing.h: pairs of connected local sockets, and descriptors sent over them: between processes
 * that one has forked. All are nonblocking, closed on exec, and raise no SIGPIPE. */
#ifndef SSE_BASE_PASSING_H
#define SSE_BASE_PASSING_H

#include <event2/util.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Makes a pair: streams of bytes, or of datagrams. SSE_EMFILE, SSE_ESYS. */
int sse_pair_make(bool datagrams, evutil_socket_t pair[2]);

/* Both return the number of bytes, 0 at the end of a stream; SSE_EAGAIN; SSE_ECLOSED: the other end
 * is closed, or the descriptor. */
ssize_t sse_pair_read(evutil_socket_t fd, void *to, size_t size);
ssize_t sse_pair_write(evutil_socket_t fd, const void *from, size_t len);

/* Sends a datagram with a copy of a descriptor. SSE_OK; errors as above. */
int sse_pair_pass(evutil_socket_t to, int passed, const void *from, size_t len);

/* Takes a datagram: returns its length, cut at `size`. *passed: the descriptor that came with it,
 * now the caller's; -1: none. */
ssize_t sse_pair_take(evutil_socket_t fd, int *passed, void *to, size_t size);

#endif
