/* server.h: listens, accepts connections within the limits, hands whole requests to the program. */
#ifndef SSE_SERVER_SERVER_H
#define SSE_SERVER_SERVER_H

#include "../http/connection.h"
#include "../http/exchange.h"
#include "opening.h"
#include "policy.h"

typedef struct sse_server sse_server;

typedef struct sse_server_options {
    const char *host; /* an address, or a name, which may have several; NULL: 127.0.0.1 */
    int port;         /* 0: one that the system chooses */
    int backlog;      /* of listen(2) */
    sse_limits limits;
    sse_slice heartbeat_event; /* the type of its streams' heartbeats; absent: comments */
    bool cross_origin; /* pages of other origins may read responses: see http/own_response.h */
    const sse_tls_options *tls; /* NULL: plain; its alpn is set by the server */
    sse_policy_options policy;
} sse_server_options;

/* The defaults of a server's limits. */
extern const sse_limits sse_default_limits;

/* Makes a server that does not listen yet. The options are copied. Both callbacks come from the
 * loop: on_request for each whole request; on_idle (may be NULL) when the server does not listen
 * and has no connection left. SSE_ENOMEM, SSE_EINVAL (policy), and with tls the errors of
 * sse_tls_context_new; `message` (of `size` bytes) says more. */
int sse_server_new(sse_loop *loop, const sse_server_options *options, void *user,
                   void (*on_request)(void *user, sse_exchange *x), void (*on_idle)(void *user),
                   sse_server **out, char *message, size_t size);

/* The `user` of the server whose connections belong to the context. */
void *sse_server_user(const sse_context *context);

/* Calls fn(arg, x) for each exchange that has not ended: see sse_exchange_each. */
void sse_server_each_exchange(sse_server *server, void (*fn)(void *arg, sse_exchange *x),
                              void *arg);

/* From now on, on_response is called from the loop for each response that has ended, the server's
 * own included, with the request and its record (see record.h). NULL: requests that arrive are no
 * longer recorded; those that were are reported as before. The function must always be the same. */
void sse_server_set_on_response(sse_server *server,
                                void (*on_response)(void *user, sse_request *r));

/* Closes everything at once. The exchanges end (SSE_END_SERVER) and their on_end is called before
 * it returns. Not from a callback other than on_idle. NULL is allowed. */
void sse_server_free(sse_server *server);

/* Binds and listens, further times, too: each call adds a listener for each address of the host
 * that this machine has, with one port for all of them; or one for a Unix socket's path; or one for
 * each of some sockets. SSE_EADDRINUSE, SSE_EADDRNOTAVAIL, SSE_EACCES, SSE_ENOTFOUND (the name of
 * the host), SSE_ETOOBIG (the path), SSE_ECLOSED (a descriptor), SSE_EMFILE, SSE_ENOMEM, SSE_ESYS,
 * with tls the errors of sse_tls_context_new; `message` (of `size` bytes) says what failed, with
 * the address. The other listeners stay as they are. */
int sse_server_listen(sse_server *server, const sse_listen_options *options, char *message,
                      size_t size);

/* Listens on copies of descriptors, too, which listen already, as on the copy of `fd`: with its TLS
 * as it is now, and PROXY headers where it expects them. SSE_ESTATE: the server does not listen on
 * such a copy; other errors and message as above. */
int sse_server_listen_like(sse_server *server, int fd, const int *fds, size_t count, char *message,
                           size_t size);

/* Closes the listeners on copies of a descriptor. */
void sse_server_stop_copies(sse_server *server, int fd);

/* Closes all listeners: accepts no more connections; open ones stay. Idempotent. */
void sse_server_stop_listening(sse_server *server);

/* Times in ms, each at most a year. */
typedef struct sse_shutdown_options {
    uint64_t within; /* the time over which open event streams end */
    uint64_t grace;  /* this long afterwards the connections that are left are closed */
    uint64_t retry;  /* see sse_context_shut_down */
} sse_shutdown_options;

/* Graceful shutdown: accepts the connections that wait in the backlog, stops listening, and ends
 * what is open as sse_context_shut_down does. on_idle follows. A second call, before the server
 * listens again, is sse_server_close. */
void sse_server_shut_down(sse_server *server, const sse_shutdown_options *options);

/* Stops listening and closes every connection at once. The end of the turn reports the ends;
 * on_idle follows. Idempotent. */
void sse_server_close(sse_server *server);

bool sse_server_listening(const sse_server *server);

/* The bound port of the first listener that has one; before, the one of the options. */
int sse_server_port(const sse_server *server);
const sse_counters *sse_server_counters(const sse_server *server);

const sse_tls_counters *sse_server_tls_counters(const sse_server *server);

/* How many TLS contexts there are: the server's own, and its listeners'. */
size_t sse_server_tls_contexts(const sse_server *server);

/* Reads the files of the server's TLS and its listeners' again, for connections accepted from now
 * on. Errors and message as those of sse_tls_context_new; then nothing has changed. */
int sse_server_reload_tls(sse_server *server, char *message, size_t size);

#endif
