/* connection.h: one accepted socket, and the server context that connections share: loop,
 * deadlines, limits, counters, a read buffer, and the lists of what is to be flushed and freed at
 * the end of the turn.
 *
 * A connection is freed by the server context at the end of a turn, never inside a call: whoever
 * holds a pointer during a callback may use it until the callback returns. */
#ifndef SSE_HTTP_CONNECTION_H
#define SSE_HTTP_CONNECTION_H

#include <stdint.h>
#include <time.h>

#include "../base/slab.h"
#include "../base/timer_wheel.h"
#include "../tls/tls.h"
#include "queue.h"

#define SSE_LINGER_MS 2000 /* after an end of ours, for the client to read it */
#define SSE_STATUSES  200  /* 400 to 599 */

typedef enum sse_reason { /* why something ended, as Lua is told */
                          SSE_NOT_ENDED,
                          SSE_END_FINISHED, /* the answer was complete */
                          SSE_END_CLIENT,
                          SSE_END_SERVER,
                          SSE_END_SLOW,
                          SSE_END_TIMEOUT,
                          SSE_END_ERROR,
                          SSE_REASONS,
} sse_reason;

const char *sse_reason_name(sse_reason reason); /* "client" ... */

typedef struct sse_limits {
    size_t max_connections, max_connections_per_address; /* 0: no limit */
    size_t max_head, max_target;
    uint64_t max_body;
    size_t max_bodies;                                 /* bytes of all requests' bodies together */
    size_t max_pending;                                /* bytes queued for one streamed answer */
    size_t max_buffered;                               /* bytes held for all sockets together */
    uint64_t head_timeout, body_timeout, idle_timeout; /* ms */
    uint64_t write_timeout;          /* ms a socket may take no byte while some wait for it */
    uint64_t keep_alive;             /* ms between keep-alive comments, 0: none */
    uint32_t max_concurrent_streams; /* requests at a time on one HTTP/2 connection */
} sse_limits;

typedef struct sse_counters {
    uint64_t accepted, refused, requests, streams_opened, bytes_in, bytes_out;
    uint64_t full;                   /* sends refused: max_pending or max_buffered */
    uint64_t oversized;              /* sends refused: larger than max_pending alone */
    uint64_t overflowed;             /* connections and streams ended: past max_buffered */
    uint64_t unaccepted;             /* times accepting had to pause: no descriptor, no memory */
    uint64_t rejected[SSE_STATUSES]; /* requests refused by the core, by status - 400 */
    uint64_t closed[SSE_REASONS];    /* connections, by how they ended */
    uint64_t streams_ended[SSE_REASONS];     /* event streams, likewise */
    size_t connections, streams;             /* open now */
    sse_queue_account queued;                /* what waits for sockets now */
    size_t bodies;                           /* bytes that requests hold: see bodies.h */
    size_t http2_connections, http2_streams; /* open now; a stream carries one request */
    uint64_t http2_resets;                   /* connections ended: too many streams reset */
    uint64_t http2_floods;        /* connections ended: too many frames that carry nothing */
    uint64_t http2_header_floods; /* connections ended: a header block without measure */
    uint64_t http2_starved;       /* streams ended: their client's window stayed closed */
    size_t compressed, windows;   /* streams open now that are compressed; with a window */
    uint64_t compressed_from, compressed_to; /* plain bytes sent compressed, and what they came to
                                              */
} sse_counters;

typedef struct sse_connection sse_connection;

/* What a client owes that is behind. */
typedef struct sse_debt {
    uint64_t owed; /* bytes held for it, each times the ms that it has taken nothing */
    size_t held;   /* these bytes */
} sse_debt;

/* What speaks over a connection. All are called from the loop. */
typedef struct sse_protocol {
    void (*on_bytes)(sse_connection *c, const char *bytes, size_t len);
    void (*on_eof)(sse_connection *c);      /* the client sends no more; reading has stopped */
    void (*on_drained)(sse_connection *c);  /* the last queued byte went out */
    void (*on_deadline)(sse_connection *c); /* the one set by sse_connection_deadline */
    void (*on_closed)(sse_connection *c, sse_reason reason); /* at the end of the turn; free the
                                                                session */
    /* These may be NULL. */
    bool (*on_flush)(sse_connection *c); /* before a write: queue what is to go. true: it is not all
                                            of it. Not called while the socket is full */
    void (*on_closing)(sse_connection *c); /* the server closes it: the last word is queued now */
    /* The server context drains: no further request, and the end after those at hand. */
    void (*on_drain)(sse_connection *c);
    /* How much its client owes; NULL: of the connection's queue alone. And what to end of it where
     * that is too much: from the end of a turn; NULL: the connection. */
    sse_debt (*debt)(const sse_connection *c);
    void (*on_debt)(sse_connection *c);
    void (*on_room)(sse_connection *c); /* see sse_context_await_room; ends nothing */
} sse_protocol;

struct sse_arrival;
struct sse_exchange;
struct sse_stream;
struct sse_deflater;

/* The end of a server, spread over a time. */
typedef struct sse_draining {
    bool on;
    uint64_t until, within; /* ms: when its last stream is to end, and how long it takes */
    uint64_t retry;         /* ms: clients come back between it and half as much more */
    uint64_t streams, next; /* that were open when it began, and the next one's place */
} sse_draining;

typedef struct sse_context {
    sse_loop *loop;
    sse_timer_wheel wheel;
    sse_limits limits;
    sse_counters count;
    sse_connection *open, *dead;
    sse_connection *dirty, **dirty_tail; /* to be flushed at the end of the turn, oldest first */
    size_t dirty_count;
    struct sse_exchange *ended, **ended_tail; /* see exchange.h */
    struct sse_arrival *arrivals;             /* bodies that arrive: see bodies.h */
    struct sse_http2_stream *http2_ending; /* http2_stream.c's: ended by the client, to be told */
    struct sse_follower *left;             /* follower.c's: have left, to be freed */
    sse_deferred turn_end;
    sse_deadline relief; /* runs while more than max_buffered is held, and a little longer */
    uint64_t full_since; /* ms: when that began; 0: it is not so */
    uint64_t spared;     /* ms: whoever took something since then owes nothing */
    sse_fork_call at_fork;
    sse_draining draining;
    sse_slab connections, sessions, exchanges, streams, compressed_streams, followers,
        http2_streams;
    struct sse_deflater *deflater; /* compressor.c's, or NULL */
    void (*on_request)(void *user, struct sse_exchange *x);
    void (*on_connection_gone)(void *user, sse_connection *c);
    void (*end_http2_streams)(struct sse_context *context); /* http2_stream.c's: empties
                                                               http2_ending */
    void (*on_turn_end)(struct sse_context *context);       /* exchange.c's: calls what ended */
    void (*free_left)(struct sse_context *context);         /* follower.c's: empties left */
    void (*on_stream_ready)(struct sse_stream *s); /* follower.c's: its client takes more */
    void (*on_stream_ended)(struct sse_stream *s); /* follower.c's: it follows nothing any more */
    void *user;
    time_t date_second; /* of which `date` is the Date field; see sse_context_date */
    char date[40];
    char scratch[65536];
} sse_context;

struct sse_connection {
    /* What a push needs comes first, within one line of the cache. */
    sse_context *context;
    const sse_protocol *protocol;
    void *session;
    sse_queue out;
    sse_tls *tls;          /* NULL: plain */
    evutil_socket_t fd;    /* the event's, too */
    uint32_t discarded;    /* bytes thrown away while lingering */
    uint8_t reason;        /* sse_reason: SSE_NOT_ENDED while open */
    uint8_t preface_bytes; /* bytes of HTTP/2's preface that came, while the protocol is unknown */
    short watching;        /* EV_READ | EV_WRITE as armed */
    bool fresh : 1;        /* the session's mark: no byte went out since it was set */
    bool dirty : 1, reading : 1, eof : 1, finishing : 1, lingering : 1, stalled : 1;
    bool hurried : 1;             /* the deadline is the end, whatever the socket takes meanwhile */
    bool retried : 1;             /* `retried_in` counts */
    bool counted : 1;             /* the server's: it counts towards max_connections */
    uint16_t retried_in;          /* the turn (its low bits) in which a full socket was tried again
                                     and took nothing: it is not tried again in that turn */
    sse_connection *next, **link; /* context->open, or context->dead */
    sse_connection *next_dirty;
    void *address; /* the server's count for the client's address, or NULL */
    struct event event;
    sse_deadline deadline;
};

void sse_context_init(sse_context *context, sse_loop *loop, const sse_limits *limits);

/* Closes every connection at once (SSE_END_SERVER), after one try to write what is queued. */
void sse_context_close_all(sse_context *context);

void sse_context_free(sse_context *context); /* every connection must be closed; tells their ends */

/* No connection begins another request: each ends after what it is at, idle ones now. Open event
 * streams end spread over `within` ms, each with a `retry:`; whoever opens one meanwhile gets the
 * same in what is left of the time. Harmless while it drains. */
void sse_context_drain(sse_context *context, uint64_t within, uint64_t retry);

/* A connection that no request came on is given this long once the server context drains. */
#define SSE_UNUSED_MS 1000

/* The Date field's value now. */
const char *sse_context_date(sse_context *context);

/* Nothing waits for the end of a turn: no flush, no end to be told. */
static inline bool sse_context_settled(const sse_context *context)
{
    return !context->dirty && !context->dead && !context->ended && !context->http2_ending &&
           !context->left;
}

/* Whether more than max_buffered is held. */
static inline bool sse_context_full(const sse_context *context)
{
    return context->count.queued.held > context->limits.max_buffered;
}

/* The same where it is half of it: then nobody may hold more than his share. */
static inline bool sse_context_half_full(const sse_context *context)
{
    return context->count.queued.held > context->limits.max_buffered / 2;
}

/* A connection's share over all its streams, bytes. */
static inline size_t sse_context_share(const sse_context *context)
{
    size_t most = context->limits.max_pending;

    return most < SIZE_MAX / 4 ? 4 * most : SIZE_MAX;
}

/* Bytes held for a client that took nothing since `due` was set to write_timeout from then. */
sse_debt sse_context_debt(const sse_context *context, size_t held, uint64_t due);

/* Where so much is held that something has to wait: every connection is told by on_room, a little
 * later, once the server context is not full. */
void sse_context_await_room(sse_context *context);

/* Calls the server context's end of turn (flush, ends, frees) when the turn at hand is over. */
void sse_context_wake(sse_context *context);

/* Small writes go out at once; a peer that vanished without a word is noticed. */
void sse_connection_set_options(evutil_socket_t fd, uint64_t write_timeout);

/* Takes the socket over (closed on failure too), which doesn't block. The protocol's session is set
 * by the caller. */
int sse_connection_new(sse_context *context, evutil_socket_t fd, const sse_protocol *protocol,
                       sse_connection **out);

/* From now on over TLS. Before the first read; the context must outlive the server context.
 * SSE_ENOMEM. */
static inline int sse_connection_secure(sse_connection *c, sse_tls_context *context)
{
    return sse_tls_new(context, c->fd, &c->tls);
}

/* Plain from now on, for a client that does not speak TLS. */
static inline void sse_connection_unsecure(sse_connection *c)
{
    sse_tls_free(c->tls);
    c->tls = NULL;
}

/* See sse_protocol's debt: of what is queued for the socket. */
sse_debt sse_connection_debt(const sse_connection *c);

/* Bytes queued for the socket. */
static inline size_t sse_connection_pending(const sse_connection *c)
{
    return sse_queue_bytes(&c->out);
}

/* Queues the frame (adding a reference); it is written at the end of the turn. SSE_ECLOSED,
 * SSE_ENOMEM. */
int sse_connection_send(sse_connection *c, sse_frame *frame);

/* The frame straight to the socket, without a reference kept where it takes all of it (SSE_OK);
 * what is left of it is queued, as all of it is behind others (SSE_EAGAIN: on_drained follows).
 * SSE_ECLOSED, SSE_ENOMEM: nothing was taken. */
int sse_connection_push(sse_connection *c, sse_frame *frame);

/* Queues a part of the frame, as sse_connection_send does. For on_flush: marks nothing. */
int sse_connection_send_part(sse_connection *c, sse_frame *frame, sse_slice part);

/* The end of the turn: on_flush, then what is queued is written, and on_drained where it all went.
 */
void sse_connection_write(sse_connection *c);

/* on_flush is called at the end of the turn, or once the socket takes something again. */
void sse_connection_wake(sse_connection *c);

/* Forgets what is queued. */
void sse_connection_drop_pending(sse_connection *c);

/* Writes what the socket takes, without waiting for the end of the turn; one that took no more the
 * last time is tried only where `again`, and then until it has failed once in this turn. No
 * callback comes from it, and it ends no exchange: a connection or an HTTP/2 stream that breaks
 * meanwhile is told at the end of the turn. */
void sse_connection_flush(sse_connection *c, bool again);

/* Reading on or off. */
void sse_connection_read(sse_connection *c, bool on);

/* The peer has reset it, or cannot be reached any more: what reading would tell. Clears that state:
 * close it. */
bool sse_connection_broken(const sse_connection *c);

/* protocol->on_deadline in ms; 0 cancels. While bytes wait for the socket the stall limit rules
 * instead. */
void sse_connection_deadline(sse_connection *c, uint64_t ms);

/* Ends after what is queued went out, lingering so that the client can read it. */
void sse_connection_finish(sse_connection *c);

/* What ends is given ms more and no longer. */
void sse_connection_hurry(sse_connection *c, uint64_t ms);

/* Ends at once; what is queued is lost. `reset`: the client is told so by a reset, where the end of
 * the connection could be taken for the end of the answer. */
void sse_connection_reset(sse_connection *c, sse_reason reason);
void sse_connection_close(sse_connection *c, sse_reason reason);

static inline bool sse_connection_ended(const sse_connection *c)
{
    return c->reason != SSE_NOT_ENDED;
}

#endif
