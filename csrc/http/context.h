/* context.h: the server context: what all connections of one server share. It holds the loop, the
 * deadlines, limits, counters, memory and a read buffer, and lists of what the end of the turn has
 * to do. turn.h starts a context and frees it. */
#ifndef SSE_HTTP_CONTEXT_H
#define SSE_HTTP_CONTEXT_H

#include <time.h>

#include "../base/slab.h"
#include "../base/timer_wheel.h"
#include "../wire/authority.h"
#include "../wire/forwarded.h"
#include "counters.h"
#include "limits.h"

typedef struct sse_connection sse_connection;
struct sse_incoming_body;
struct sse_exchange;
struct sse_stream;
struct sse_deflater;

/* A graceful shutdown: open event streams end one by one, spread over a time. */
typedef struct sse_shutdown {
    bool on;
    uint64_t within;  /* ms that it takes until the last stream ends */
    uint64_t until;   /* ms of sse_loop_now: the end of that time */
    uint64_t retry;   /* ms: clients reconnect after this long to half as long again */
    uint64_t streams; /* how many were open when it began: each has a slot of `within` */
    uint64_t next;    /* the slot of the next stream */
} sse_shutdown;

typedef struct sse_context {
    sse_loop *loop;
    sse_timer_wheel wheel;
    sse_limits limits;
    sse_trust trust;               /* the proxies that are trusted; none at first */
    const sse_host_pattern *hosts; /* that are answered for, host_count of them; NULL: all */
    size_t host_count;
    sse_counters count;
    sse_shutdown shutdown;
    sse_fork_handler fork_handler;

    /* What the end of the turn has to do. */
    sse_deferred turn_end;                     /* calls it */
    sse_connection *open;                      /* connections that are open */
    sse_connection *closed;                    /* connections to be freed */
    sse_connection *to_flush, **to_flush_tail; /* connections to be flushed, oldest first */
    size_t to_flush_count;
    bool has_doomed; /* some of `open` are to be closed: see sse_context_close_all */
    struct sse_exchange *ended, **ended_tail;      /* exchanges whose on_end is to be called, oldest
                                                      first */
    struct sse_request *recorded, **recorded_tail; /* requests whose record is complete, oldest
                                                      first */
    struct sse_incoming_body *incoming_bodies;     /* see bodies.h; newest first */
    struct sse_http2_stream *http2_ended_streams;  /* of http2/stream.c: with an exchange to end */
    struct sse_follower *left_followers;           /* of push/follower.c: to be freed */
    struct sse_stream **opened; /* of push/stream.c: streams that are to begin with a byte */
    size_t opened_count, opened_room;

    /* See overload.h. */
    sse_deadline overload_timer; /* runs while the context is full, and a little longer */
    uint64_t overloaded_since;   /* ms: since when the context is full; 0: it is not */
    uint64_t grace;              /* ms: a client that took a byte within this time has no backlog */

    sse_slab connections, sessions, exchanges, streams, compressed_streams, followers,
        http2_streams;
    struct sse_deflater *deflater;     /* of push/compressor.c; NULL: not made yet */
    struct sse_heartbeats *heartbeats; /* of push/heartbeat.c; NULL: not made yet */
    uint8_t heartbeat; /* the number in it of streams without one of their own; 0: comments */

    /* Calls to the wings above, set by them. */
    void *user;                                                /* of the first five */
    void (*on_request)(void *user, struct sse_exchange *x);    /* a whole request has arrived */
    void (*on_recorded)(void *user, struct sse_request *r);    /* a response has ended: record.h */
    void (*on_connection_free)(void *user, sse_connection *c); /* the connection is freed next */
    /* A client has one connection, or one request behind a proxy, more or less. False: it has as
     * many as it may. An *entry of NULL is not counted. */
    bool (*enter_address)(void *user, const sse_client *client, void **entry);
    void (*leave_address)(void *user, void *entry);
    void (*end_http2_streams)(struct sse_context *context); /* empties http2_ended_streams */
    void (*begin_streams)(struct sse_context *context);     /* empties `opened` */
    void (*free_followers)(struct sse_context *context);    /* empties left_followers */
    void (*on_stream_ready)(struct sse_stream *s);     /* the stream's client takes bytes again */
    bool (*on_stream_heartbeat)(struct sse_stream *s); /* a heartbeat is due; true: a block with an
                                                          id was sent in its place */
    void (*on_stream_ended)(struct sse_stream *s);     /* the stream is to follow nothing */
    /* A stream that sse_stream_tally was called for has ended, and is freed next. */
    void (*on_tallied_end)(struct sse_context *context, struct sse_stream *s);

    bool recording;     /* requests that arrive get a record */
    bool cross_origin;  /* pages of other origins may read responses: see own_response.h */
    time_t date_second; /* the second for which `date` was made */
    char date[40];
    char scratch[65536]; /* what is read from a socket */
} sse_context;

/* Prepares a zeroed context, whose turn_end calls end_turn(context). Nothing is allocated. */
void sse_context_init(sse_context *context, sse_loop *loop, const sse_limits *limits,
                      void (*end_turn)(void *context));

/* Has the context's work done at the end of the current turn, or of the next one when called
 * outside of a turn or within the end of one. */
void sse_context_wake(sse_context *context);

/* The value of the Date field now. It is made once a second. */
const char *sse_context_date(sse_context *context);

/* Whether the end of the turn has anything to flush, report or free. */
static inline bool sse_context_has_work(const sse_context *context)
{
    return context->to_flush || context->closed || context->ended || context->recorded ||
           context->http2_ended_streams || context->has_doomed || context->left_followers ||
           context->opened_count > 0;
}

/* Whether more than max_pending_total is held for sockets: "the context is full". */
static inline bool sse_context_full(const sse_context *context)
{
    return context->count.queued.held > context->limits.max_pending_total;
}

/* Whether more than half of max_pending_total is held: then a connection may hold no more than its
 * share. */
static inline bool sse_context_half_full(const sse_context *context)
{
    return context->count.queued.held > context->limits.max_pending_total / 2;
}

/* The share of one connection over all its streams, in bytes: four times max_pending. */
static inline size_t sse_context_share(const sse_context *context)
{
    size_t most = context->limits.max_pending;

    return most < SIZE_MAX / 4 ? 4 * most : SIZE_MAX;
}

/* How far a client is behind that takes its bytes too slowly. */
typedef struct sse_backlog {
    uint64_t weight; /* held bytes times the ms since the client took a byte */
    size_t bytes;    /* held bytes */
} sse_backlog;

/* The backlog of a client for whom `bytes` bytes are held. `due`: the deadline (ms of
 * sse_loop_now) that was set write_timeout ahead when the client took a byte for the last time.
 * Zero within the context's grace. */
sse_backlog sse_context_backlog(const sse_context *context, size_t bytes, uint64_t due);

/* Has protocol->on_room of every connection called a little later, once the context is not full:
 * for a session that waits because the context is full or half full. */
void sse_context_await_room(sse_context *context);

#endif
