/* connection.h: one accepted socket: its bytes in, its write queue out, its deadline, its end.
 *
 * A connection is freed at the end of a turn (turn.h), never inside a call: whoever holds a pointer
 * during a callback may use it until the callback returns. */
#ifndef SSE_HTTP_CONNECTION_H
#define SSE_HTTP_CONNECTION_H

#include "../tls/tls.h"
#include "context.h"

#define SSE_LINGER_MS 2000 /* after an end of ours, for the client to read it */
#define SSE_UNUSED_MS 1000 /* a connection that no request came on, once the context drains */

/* What speaks over a connection. All are called from the loop. */
typedef struct sse_protocol {
    void (*on_bytes)(sse_connection *c, const char *bytes, size_t len);
    void (*on_eof)(sse_connection *c);      /* the client sends no more; reading has stopped */
    void (*on_drained)(sse_connection *c);  /* the last queued byte went out */
    void (*on_deadline)(sse_connection *c); /* the one set by sse_connection_set_deadline */
    void (*on_closed)(sse_connection *c, sse_reason reason); /* at the end of the turn; free the
                                                                session */
    /* These may be NULL. */
    bool (*on_flush)(sse_connection *c); /* before a write: queue what is to go. true: it is not all
                                            of it. Not called while the socket is full */
    void (*on_closing)(sse_connection *c); /* the server closes it: the last word is queued now */
    /* The server context drains: no further request, and the end after those at hand. */
    void (*on_shutdown)(sse_connection *c);
    /* How much its client owes; NULL: of the connection's queue alone. And what to end of it where
     * that is too much: from the end of a turn; NULL: the connection. */
    sse_backlog (*backlog)(const sse_connection *c);
    void (*on_overload)(sse_connection *c);
    void (*on_room)(sse_connection *c); /* see sse_context_await_room; ends nothing */
} sse_protocol;

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
    short watched_events;  /* EV_READ | EV_WRITE as armed */
    bool nothing_sent : 1; /* the session's mark: no byte went out since it was set */
    bool flush_scheduled : 1, reading : 1, eof : 1, finishing : 1, lingering : 1, stalled : 1;
    bool deadline_final : 1;      /* the deadline is the end, whatever the socket takes meanwhile */
    bool retry_failed : 1;        /* `retry_turn` counts */
    bool admitted : 1;            /* the server's: it counts towards max_connections */
    uint16_t retry_turn;          /* the turn (its low bits) in which a full socket was tried again
                                     and took nothing: it is not tried again in that turn */
    sse_connection *next, **link; /* context->open, or context->closed */
    sse_connection *next_to_flush;
    void *address; /* the server's count for the client's address, or NULL */
    struct event event;
    sse_deadline deadline;
};

/* Small writes go out at once; a peer that vanished without a word is noticed. */
void sse_connection_set_options(evutil_socket_t fd, uint64_t write_timeout);

/* Takes the socket over (closed on failure too), which doesn't block. The protocol's session is set
 * by the caller. */
int sse_connection_new(sse_context *context, evutil_socket_t fd, const sse_protocol *protocol,
                       sse_connection **out);

/* From now on over TLS. Before the first read; the context must outlive the server context.
 * SSE_ENOMEM. */
static inline int sse_connection_start_tls(sse_connection *c, sse_tls_context *context)
{
    return sse_tls_new(context, c->fd, &c->tls);
}

/* Plain from now on, for a client that does not speak TLS. */
static inline void sse_connection_drop_tls(sse_connection *c)
{
    sse_tls_free(c->tls);
    c->tls = NULL;
}

/* The backlog of what is queued for the socket: see sse_protocol. */
sse_backlog sse_connection_backlog(const sse_connection *c);

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
void sse_connection_schedule_flush(sse_connection *c);

/* Forgets what is queued. */
void sse_connection_drop_pending(sse_connection *c);

/* Writes what the socket takes, without waiting for the end of the turn; one that took no more the
 * last time is tried only where `again`, and then until it has failed once in this turn. No
 * callback comes from it, and it ends no exchange: a connection or an HTTP/2 stream that breaks
 * meanwhile is told at the end of the turn. */
void sse_connection_flush(sse_connection *c, bool again);

/* Reading on or off. */
void sse_connection_set_reading(sse_connection *c, bool on);

/* The peer has reset it, or cannot be reached any more: what reading would tell. Clears that state:
 * close it. */
bool sse_connection_broken(const sse_connection *c);

/* protocol->on_deadline in ms; 0 cancels. While bytes wait for the socket the stall limit rules
 * instead. */
void sse_connection_set_deadline(sse_connection *c, uint64_t ms);

/* Ends after what is queued went out, lingering so that the client can read it. */
void sse_connection_finish(sse_connection *c);

/* What ends is given ms more and no longer. */
void sse_connection_set_final_deadline(sse_connection *c, uint64_t ms);

/* Ends at once; what is queued is lost. `reset`: the client is told so by a reset, where the end of
 * the connection could be taken for the end of the answer. */
void sse_connection_reset(sse_connection *c, sse_reason reason);
void sse_connection_close(sse_connection *c, sse_reason reason);

static inline bool sse_connection_ended(const sse_connection *c)
{
    return c->reason != SSE_NOT_ENDED;
}

#endif
