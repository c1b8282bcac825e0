/* listener.h: one listening socket of a server: bound to an address or a path, or taken over,
 * watched by the loop, with the TLS of the connections that come over it. */
#ifndef SSE_SERVER_LISTENER_H
#define SSE_SERVER_LISTENER_H

#include <sys/socket.h>

#include "../http/context.h"
#include "../tls/context.h"
#include "unix_socket.h"

typedef struct sse_listener {
    struct sse_listener *next; /* in the server's list, oldest first */
    sse_context *context;
    evutil_socket_t fd;
    int copy_of; /* the descriptor that fd is a copy of; -1: it was opened here */
    int port;    /* the bound one; 0: the socket has none */
    bool is_unix;
    bool proxy_protocol;  /* connections begin with a PROXY header */
    sse_unix_file file;   /* the Unix socket's, if it was bound here */
    sse_tls_context *tls; /* a reference of the listener's own; NULL: plain */
    /* Whether accepted sockets have the listener's options. */
    enum { SSE_INHERITS_UNKNOWN, SSE_INHERITS, SSE_INHERITS_NOT } inherits_options;
    struct event accepting;
    sse_deadline accept_pause; /* after it accepting is tried again */
    void *user;
    void (*on_accepted)(void *user, struct sse_listener *l, evutil_socket_t fd,
                        const struct sockaddr *from);
} sse_listener;

/* Makes a listener that is not bound, with these callbacks, which must not close it: on_accepted
 * owns the accepted socket. NULL: out of memory. */
sse_listener *sse_listener_new(sse_context *context, void *user,
                               void (*on_accepted)(void *user, sse_listener *l, evutil_socket_t fd,
                                                   const struct sockaddr *from));

/* Binds to an address of `len` bytes and listens. port_reuse: other sockets may be bound to it,
 * too, if they allow the same. Errors and message as those of sse_server_listen; SSE_EADDRNOTAVAIL
 * also where the system does not know the address's family. */
int sse_listener_open(sse_listener *l, const struct sockaddr_storage *address, socklen_t len,
                      bool port_reuse, int backlog, char *message, size_t size);

/* Binds to a Unix socket's path, with the permissions `mode` (-1: as the umask says), and listens.
 * Errors and message as those of sse_server_listen. */
int sse_listener_open_unix(sse_listener *l, const char *path, int mode, int backlog, char *message,
                           size_t size);

/* Listens on a copy of a descriptor, which must be a bound stream socket; backlog 0: it listens
 * already, and its own backlog stays. Errors and message as
 * those of sse_server_listen. */
int sse_listener_open_copy(sse_listener *l, int fd, int backlog, char *message, size_t size);

/* Accepts up to `most` connections that wait now. */
void sse_listener_accept(sse_listener *l, int most);

/* Closes the socket, if there is one, and frees the listener. */
void sse_listener_free(sse_listener *l);

#endif
