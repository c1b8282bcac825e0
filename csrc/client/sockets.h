/* sockets.h: which sockets libcurl has open, those of idle connections too: a forked child shares
 * them with its parent. */
#ifndef SSE_CLIENT_SOCKETS_H
#define SSE_CLIENT_SOCKETS_H

#include <stddef.h>

/* All zeros: none. */
typedef struct sse_sockets {
    int *fds;
    size_t count, room;
} sse_sockets;

/* Lists the sockets that this easy handle, a CURL *, opens from now on. The list must outlive the
 * connections. */
void sse_sockets_add_easy(sse_sockets *s, void *easy);

/* In a forked child: see sse_cut_off. */
void sse_sockets_cut_off(const sse_sockets *s, int dead);

void sse_sockets_free(sse_sockets *s);

#endif
