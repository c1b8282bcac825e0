/* sockets.h: the list of sockets that libcurl has open, also those of idle connections. A forked
 * child needs the list, because it must not use its parent's connections. */
#ifndef SSE_CLIENT_SOCKETS_H
#define SSE_CLIENT_SOCKETS_H

#include <stddef.h>

/* All zeros: an empty list. */
typedef struct sse_sockets {
    int *fds;
    size_t count, capacity; /* of fds */
} sse_sockets;

/* Lists the sockets that this easy handle, a CURL *, opens from now on. The list must outlive the
 * connections. */
void sse_sockets_add_easy(sse_sockets *s, void *easy);

/* For a forked child: replaces each socket. `closed_fd` is as for sse_replace_socket. */
void sse_sockets_replace(const sse_sockets *s, int closed_fd);

void sse_sockets_free(sse_sockets *s);

#endif
