/* server.h: listens, accepts within the limits, and hands whole requests over. */
#ifndef SSE_SERVER_SERVER_H
#define SSE_SERVER_SERVER_H

#include "../http/connection.h"
#include "../http/exchange.h"

typedef struct sse_server sse_server;

typedef struct sse_server_options {
    const char *host; /* an address or a name; NULL: 127.0.0.1 */
    int port;         /* 0: the system's choice */
    int backlog;
    sse_limits limits;
    const sse_tls_options *tls; /* NULL: plain; its alpn is set by the server */
} sse_server_options;

/* The defaults of a server's limits. */
extern const sse_limits sse_default_limits;

/* on_request: from the loop, for each whole request. on_idle: from the loop, when a server that no
 * longer listens lost its last connection. The options are copied. SSE_ENOMEM, and for tls those of
 * sse_tls_context_new; message (of size bytes) says more. */
int sse_server_new(sse_loop *loop, const sse_server_options *options, void *user,
                   void (*on_request)(void *user, sse_exchange *x), void (*on_idle)(void *user),
                   sse_server **out, char *message, size_t size);

/* Closes everything at once; its exchanges end (SSE_END_SERVER) before it returns. Not from a
 * callback. */
void sse_server_free(sse_server *server);

/* Binds and listens. SSE_EADDRINUSE, SSE_EADDRNOTAVAIL, SSE_EACCES, SSE_ENOTFOUND, SSE_EMFILE,
 * SSE_ENOMEM, SSE_ESYS, SSE_ESTATE (it listens already); message (of size bytes) says what and
 * where. */
int sse_server_listen(sse_server *server, char *message, size_t size);

/* Accepts no more; what is open stays. Idempotent. */
void sse_server_stop_listening(sse_server *server);

typedef struct sse_shutdown_options { /* ms, each at most a year */
    uint64_t within;                  /* the time over which event streams end */
    uint64_t grace;                   /* what is left so long after it is closed at once */
    uint64_t retry;                   /* see sse_context_shut_down */
} sse_shutdown_options;

/* Accepts who waits and then no more, and ends what is open as sse_context_shut_down does. on_idle
 * follows. Idempotent until it listens again. */
void sse_server_shut_down(sse_server *server, const sse_shutdown_options *options);

/* Stops listening and closes every connection at once; ends come from the loop. Idempotent. */
void sse_server_close(sse_server *server);

bool sse_server_listening(const sse_server *server);
int sse_server_port(const sse_server *server); /* the port bound; the one asked for before listen */
const sse_counters *sse_server_counters(const sse_server *server);

/* NULL: plain. sse_tls_context_reload may be called for it. */
sse_tls_context *sse_server_tls(const sse_server *server);

#endif
