/* opening.h: opens the listeners that one call of sse_server_listen asks for. */
#ifndef SSE_SERVER_OPENING_H
#define SSE_SERVER_OPENING_H

#include "../tls/options.h"
#include "listener.h"

/* Where a server listens: on descriptors, or on a path, or on the addresses of a host. */
typedef struct sse_listen_options {
    const int *fds; /* `fd_count` of them, which are listening sockets; copies are listened on */
    size_t fd_count;
    bool listening;             /* the descriptors listen already, with a backlog of their own */
    const char *unix_path;      /* NULL: none */
    int unix_mode;              /* permissions of its file; -1: as the umask says */
    const char *host;           /* NULL: the server's */
    int port;                   /* 0: one that the system chooses; -1: the server's */
    bool plain;                 /* without TLS, also where the server has it */
    const sse_tls_options *tls; /* of these listeners alone; NULL: the server's, unless plain */
    bool port_reuse;            /* other sockets may be bound to the same port */
    bool proxy_protocol;        /* connections begin with a PROXY header */
} sse_listen_options;

/* Whose listeners they become. */
typedef struct sse_listening {
    sse_context *context;
    void *user;
    void (*on_accepted)(void *user, sse_listener *l, evutil_socket_t fd,
                        const struct sockaddr *from);
    int backlog; /* 0: the sockets listen already */
} sse_listening;

/* Opens all, or none: *list gets them. The host and the port must be given where the options don't
 * say otherwise. Errors and message as those of sse_server_listen. */
int sse_open_listeners(const sse_listening *of, const sse_listen_options *options,
                       sse_listener **list, char *message, size_t size);

/* Frees a list of listeners. */
void sse_listeners_free(sse_listener *list);

#endif
