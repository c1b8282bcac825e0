/* server.h: listens, accepts connections within the limits, hands whole requests to the program. */
#ifndef SSE_SERVER_SERVER_H
#define SSE_SERVER_SERVER_H

#include "../http/connection.h"
#include "../http/exchange.h"

typedef struct sse_server sse_server;

typedef struct sse_server_options {
    const char *host; /* an address or a name; NULL: 127.0.0.1 */
    int port;         /* 0: one that the system chooses */
    int backlog;      /* of listen(2) */
    sse_limits limits;
    const sse_tls_options *tls; /* NULL: plain; its alpn is set by the server */
} sse_server_options;

/* The defaults of a server's limits. */
extern const sse_limits sse_default_limits;

/* Makes a server that does not listen yet. The options are copied. Both callbacks come from the
 * loop: on_request for each whole request; on_idle (may be NULL) when the server does not listen
 * and has no connection left. SSE_ENOMEM, and with tls the errors of sse_tls_context_new; `message`
 * (of `size` bytes) says more. */
int sse_server_new(sse_loop *loop, const sse_server_options *options, void *user,
                   void (*on_request)(void *user, sse_exchange *x), void (*on_idle)(void *user),
                   sse_server **out, char *message, size_t size);

/* Closes everything at once. The exchanges end (SSE_END_SERVER) and their on_end is called before
 * it returns. Not from a callback other than on_idle. NULL is allowed. */
void sse_server_free(sse_server *server);

/* Binds and listens. SSE_EADDRINUSE, SSE_EADDRNOTAVAIL, SSE_EACCES, SSE_ENOTFOUND (the name of the
 * host), SSE_EMFILE, SSE_ENOMEM, SSE_ESYS, SSE_ESTATE (it listens already); `message` (of `size`
 * bytes) says what failed, with the address. */
int sse_server_listen(sse_server *server, char *message, size_t size);

/* Accepts no more connections; open ones stay. Idempotent. */
void sse_server_stop_listening(sse_server *server);

/* Times in ms, each at most a year. */
typedef struct sse_shutdown_options {
    uint64_t within; /* the time over which open event streams end */
    uint64_t grace;  /* this long afterwards the connections that are left are closed */
    uint64_t retry;  /* see sse_context_shut_down */
} sse_shutdown_options;

/* Graceful shutdown: accepts the connections that wait in the backlog, stops listening, and ends
 * what is open as sse_context_shut_down does. on_idle follows. Does nothing if it was called before
 * since the server listened. */
void sse_server_shut_down(sse_server *server, const sse_shutdown_options *options);

/* Stops listening and closes every connection at once. The end of the turn reports the ends;
 * on_idle follows. Idempotent. */
void sse_server_close(sse_server *server);

bool sse_server_listening(const sse_server *server);

/* The bound port; before sse_server_listen the one of the options. */
int sse_server_port(const sse_server *server);
const sse_counters *sse_server_counters(const sse_server *server);

/* NULL: plain. sse_tls_context_reload may be called for it. */
sse_tls_context *sse_server_tls(const sse_server *server);

#endif
