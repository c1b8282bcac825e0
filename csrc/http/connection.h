/* connection.h: one accepted socket: bytes in, a write queue out, a deadline, an end. A protocol
 * (HTTP/1, HTTP/2, or the choice between them) speaks over it.
 *
 * A connection goes through these states: open; finishing (it ends when the queue is written);
 * lingering (the writing side is shut, what the client still sends is discarded); ended (the socket
 * is closed, `reason` says why). It is freed at the end of a turn (turn.h), never inside a call:
 * whoever holds a pointer during a callback may use it until the callback returns. */
#ifndef SSE_HTTP_CONNECTION_H
#define SSE_HTTP_CONNECTION_H

#include "../tls/tls.h"
#include "context.h"
#include "request.h"

/* How long a connection lingers, for the client to read the response. */
#define SSE_LINGER_MS 2000

/* How long a connection past a limit has for its request at most, before it is closed. */
#define SSE_REFUSED_MS 2000

/* How long an unused connection stays open during a graceful shutdown. */
#define SSE_UNUSED_MS 1000

/* The callbacks of what speaks over a connection. All are called from the loop. */
typedef struct sse_protocol {
    /* Bytes have arrived; they are valid until the callback returns. */
    void (*on_bytes)(sse_connection *c, const char *bytes, size_t len);
    /* How many of the bytes that have arrived on_bytes gets, at least one; the others stay in the
     * socket. NULL: all. Not over TLS. */
    size_t (*own_bytes)(sse_connection *c, const char *bytes, size_t len);
    /* The client sends no more. Reading has stopped. */
    void (*on_eof)(sse_connection *c);
    /* All that was queued has been written. */
    void (*on_drained)(sse_connection *c);
    /* The time of sse_connection_set_deadline is over. */
    void (*on_deadline)(sse_connection *c);
    /* The end of the turn, before the connection is freed: free the session. */
    void (*on_closed)(sse_connection *c, sse_reason reason);

    /* The others may be NULL. */

    /* Before a write: queue what is to be sent. True: there is more to be sent after it. Not called
     * while the socket is full. */
    bool (*on_flush)(sse_connection *c);
    /* The server closes the connection at once: queue the last bytes, which are tried once. */
    void (*on_closing)(sse_connection *c);
    /* A graceful shutdown has begun: take no further request, finish after those in progress. */
    void (*on_shutdown)(sse_connection *c);
    /* How far the client is behind. NULL: as sse_connection_backlog says. */
    sse_backlog (*backlog)(const sse_connection *c);
    /* Too much is held for this client, at the end of a turn: end what is furthest behind. NULL:
     * the connection is closed. */
    void (*on_overload)(sse_connection *c);
    /* See sse_context_await_room. May end nothing. */
    void (*on_room)(sse_connection *c);
    /* Calls fn(arg, x) for each exchange that has not ended. fn may end nothing. NULL: there are
     * none. */
    void (*each_exchange)(sse_connection *c, void (*fn)(void *arg, struct sse_exchange *x),
                          void *arg);
} sse_protocol;

struct sse_connection {
    /* What a push needs comes first, within one cache line. */
    sse_context *context;
    const sse_protocol *protocol;
    void *session; /* the protocol's */
    sse_queue out; /* what is to be written */
    sse_tls *tls;  /* NULL: plain */
    evutil_socket_t fd;
    uint32_t discarded;       /* bytes discarded while finishing or lingering */
    uint8_t reason;           /* sse_reason; SSE_NOT_ENDED until the connection ends */
    uint8_t preface_bytes;    /* bytes of HTTP/2's preface received while the protocol is unknown */
    short watched_events;     /* EV_READ | EV_WRITE as libevent watches them */
    bool nothing_sent : 1;    /* set by the session, cleared when a byte is written */
    bool flush_scheduled : 1; /* in context->to_flush */
    bool reading : 1;         /* incoming bytes are wanted */
    bool eof : 1;             /* the client has sent its last byte */
    bool finishing : 1;
    bool lingering : 1;
    bool stalled : 1;        /* the socket is full: wait until it is writable */
    bool deadline_final : 1; /* the deadline closes the connection, whatever the client takes */
    bool retry_failed : 1;   /* `retry_turn` is valid */
    bool refused : 1;        /* past max_connections: its request gets to no handler */
    bool edges : 1;          /* the kernel tells only once that there is something to read */
    bool doomed : 1;         /* one of the next turns closes it: it reads and begins nothing more */
    bool unnamed : 1;        /* a PROXY header passes on a client without saying who that is */
    bool proxied_tls : 1;    /* the client speaks TLS to a proxy, whose PROXY header says so */
    sse_client client;       /* the peer's address, or as a PROXY header says; unknown before the
                                first request */
    uint16_t retry_turn;     /* low bits of the last turn in which a write to the full socket was
                                tried again in vain: once a turn is enough */
    sse_connection *next, **link; /* context->open, or context->closed */
    sse_connection *next_to_flush;
    void *address; /* the server's entry for the address of the client, or of that of the HTTP/1
                      request which is answered; or NULL */
    struct event event;
    sse_deadline deadline;
};

/* Sets TCP_NODELAY, so that small writes are sent at once, and keep-alive probes and
 * TCP_USER_TIMEOUT (write_timeout ms), so that a peer that vanished is noticed. */
void sse_connection_set_options(evutil_socket_t fd, uint64_t write_timeout);

/* Makes a connection of a non-blocking socket, which it owns from now on (also on failure). Nothing
 * is read before sse_connection_set_reading. The caller sets the session. SSE_ENOMEM. */
int sse_connection_new(sse_context *context, evutil_socket_t fd, const sse_protocol *protocol,
                       sse_connection **out);

/* Makes the connection speak TLS. To be called before the first read. The TLS context must outlive
 * the server context. SSE_ENOMEM. */
static inline int sse_connection_start_tls(sse_connection *c, sse_tls_context *context)
{
    return sse_tls_new(context, c->fd, &c->tls);
}

/* Makes the connection plain again, without a word to the client. */
static inline void sse_connection_drop_tls(sse_connection *c)
{
    sse_tls_free(c->tls);
    c->tls = NULL;
}

/* The address of the client: see `client`. */
static inline sse_client sse_connection_client(sse_connection *c)
{
    if (c->client.len == 0)
        c->client = sse_client_of_socket(c->fd);
    return c->client;
}

/* The backlog of what is queued for the socket; zero unless the socket is full. */
sse_backlog sse_connection_backlog(const sse_connection *c);

/* Bytes queued for the socket. */
static inline size_t sse_connection_pending(const sse_connection *c)
{
    return sse_queue_bytes(&c->out);
}

/* --- writing --- */

/* Queues a frame (adding a reference) and schedules a flush. SSE_ECLOSED: the connection has ended
 * or finishes; SSE_ENOMEM. */
int sse_connection_send(sse_connection *c, sse_frame *frame);

/* Writes a frame to the socket at once if nothing is queued before it. SSE_OK: the socket took all
 * of it, and no reference is kept. SSE_EAGAIN: the frame, or the rest of it, is queued, and
 * on_drained follows. SSE_ECLOSED, SSE_ENOMEM: not taken. Calls no callback. */
int sse_connection_push(sse_connection *c, sse_frame *frame);

/* Queues a part of a frame, without scheduling a flush: for on_flush. Errors as
 * sse_connection_send. */
int sse_connection_send_part(sse_connection *c, sse_frame *frame, sse_slice part);

/* For the end of the turn: calls on_flush, writes what is queued, and calls on_drained if all of it
 * was written. */
void sse_connection_write(sse_connection *c);

/* Has sse_connection_write called at the end of the turn. Does nothing while the socket is full:
 * it is called when the socket is writable. */
void sse_connection_schedule_flush(sse_connection *c);

/* Drops what is queued. */
void sse_connection_drop_pending(sse_connection *c);

/* Writes what the socket takes, without waiting for the end of the turn. A socket that was full is
 * tried only with `again`, and in one turn until it took nothing once. Calls only on_flush, and
 * ends no exchange: the end of the turn reports what breaks meanwhile, and calls on_drained. */
void sse_connection_flush(sse_connection *c, bool again);

/* --- reading and deadlines --- */

/* Switches reading on or off. */
void sse_connection_set_reading(sse_connection *c, bool on);

/* For a connection that is to wait for long: from now on the kernel tells only of what arrives, and
 * not in each poll again of what has not been read yet. Where thousands of clients leave at once,
 * the polls are that much shorter. A read costs one system call more. Not over TLS. */
void sse_connection_watch_edges(sse_connection *c);

/* Whether the socket has an error: the client reset the connection, or can't be reached. For a
 * connection that does not read. The error is reported only once: close the connection then. */
bool sse_connection_broken(const sse_connection *c);

/* Has on_deadline called in `ms` instead of when it was set for before; 0: never. While the socket
 * is full write_timeout rules instead, and the call does nothing. */
void sse_connection_set_deadline(sse_connection *c, uint64_t ms);

/* --- ending --- */

/* Ends the connection after what is queued is written: it lingers, so that the client can read the
 * last bytes before a reset could drop them, and is closed (SSE_END_SERVER). */
void sse_connection_finish(sse_connection *c);

/* Closes the connection in `ms`, unless it has ended before. */
void sse_connection_set_final_deadline(sse_connection *c, uint64_t ms);

/* Closes the connection at once; what is queued is lost. The first reason counts. */
void sse_connection_close(sse_connection *c, sse_reason reason);

/* As sse_connection_close, but with a TCP reset and without TLS's close_notify, so that the client
 * can't take the end of the connection for the end of the response. */
void sse_connection_reset(sse_connection *c, sse_reason reason);

static inline bool sse_connection_ended(const sse_connection *c)
{
    return c->reason != SSE_NOT_ENDED;
}

/* Whether requests that have arrived are handed over: not once the connection ends or is to end. */
static inline bool sse_connection_takes_requests(const sse_connection *c)
{
    return !sse_connection_ended(c) && !c->finishing && !c->doomed;
}

#endif
