/* context.h: the server context: what all connections of one server share. It holds the loop, the
 * deadlines, limits, counters, memory and a read buffer, and the lists of what is to be flushed,
 * told and freed at the end of the turn. turn.h starts a context and frees it. */
#ifndef SSE_HTTP_CONTEXT_H
#define SSE_HTTP_CONTEXT_H

#include <time.h>

#include "../base/slab.h"
#include "../base/timer_wheel.h"
#include "counters.h"
#include "limits.h"

typedef struct sse_connection sse_connection;
struct sse_incoming_body;
struct sse_exchange;
struct sse_stream;
struct sse_deflater;

/* A graceful shutdown: the event streams that are open end one by one, spread over a time. */
typedef struct sse_shutdown {
    bool on;
    uint64_t until, within; /* ms: when the last stream is to end, and how long all of it takes */
    uint64_t retry;         /* ms: clients reconnect after this long to half as long again */
    uint64_t streams, next; /* how many were open when it began; the slot of the next one */
} sse_shutdown;

typedef struct sse_context {
    sse_loop *loop;
    sse_timer_wheel wheel;
    sse_limits limits;
    sse_counters count;
    sse_connection *open, *closed;             /* connections: open; closed, to be freed */
    sse_connection *to_flush, **to_flush_tail; /* connections to be flushed, oldest first */
    size_t to_flush_count;
    struct sse_exchange *ended, **ended_tail;  /* exchanges whose end is to be told, oldest first */
    struct sse_incoming_body *incoming_bodies; /* bodies that arrive: see bodies.h */
    struct sse_http2_stream *http2_ended_streams; /* of http2/stream.c: ended by the client, to be
                                                     told */
    struct sse_follower *left_followers;          /* of push/follower.c: to be freed */
    sse_deferred turn_end;                        /* calls the end of the turn, as given at init */
    sse_deadline overload_timer; /* runs while more than max_buffered is held, and a little longer
                                  */
    uint64_t overloaded_since;   /* ms: since when more than max_buffered is held; 0: not now */
    uint64_t grace;              /* ms: clients that took a byte within this time are spared */
    sse_fork_handler fork_handler;
    sse_shutdown shutdown;
    sse_slab connections, sessions, exchanges, streams, compressed_streams, followers,
        http2_streams;
    struct sse_deflater *deflater; /* of push/compressor.c; NULL: not made yet */
    /* What wings above this one do. The end of the turn calls the second to fourth. */
    void (*on_request)(void *user, struct sse_exchange *x);    /* the server: a whole request */
    void (*on_connection_free)(void *user, sse_connection *c); /* the server: before the free */
    void (*end_http2_streams)(struct sse_context *context); /* http2: empties http2_ended_streams */
    void (*free_followers)(struct sse_context *context);    /* push: empties left */
    void (*on_stream_ready)(struct sse_stream *s);          /* push: the client takes more */
    void (*on_stream_ended)(struct sse_stream *s); /* push: it is to follow nothing any more */
    void *user;                                    /* for the server's callbacks */
    time_t date_second; /* the second that `date` tells: see sse_context_date */
    char date[40];
    char scratch[65536]; /* what a socket's bytes are read into */
} sse_context;

/* Prepares a zeroed context. end_turn(context) is called at the end of each turn in which
 * sse_context_wake was called. Nothing is allocated. */
void sse_context_init(sse_context *context, sse_loop *loop, const sse_limits *limits,
                      void (*end_turn)(void *context));

/* Has the end of the turn called when the turn at hand is over. */
void sse_context_wake(sse_context *context);

/* The value of the Date field now. Made once a second. */
const char *sse_context_date(sse_context *context);

/* Whether anything waits for the end of a turn: to be flushed, told or freed. */
static inline bool sse_context_has_work(const sse_context *context)
{
    return context->to_flush || context->closed || context->ended || context->http2_ended_streams ||
           context->left_followers;
}

/* Whether more than max_buffered is held. */
static inline bool sse_context_full(const sse_context *context)
{
    return context->count.queued.held > context->limits.max_buffered;
}

/* Whether more than half of max_buffered is held: then no connection may hold more than its share.
 */
static inline bool sse_context_half_full(const sse_context *context)
{
    return context->count.queued.held > context->limits.max_buffered / 2;
}

/* The share of one connection over all its streams, in bytes: four times max_pending. */
static inline size_t sse_context_share(const sse_context *context)
{
    size_t most = context->limits.max_pending;

    return most < SIZE_MAX / 4 ? 4 * most : SIZE_MAX;
}

/* How far a client is behind that takes its bytes too slowly. */
typedef struct sse_backlog {
    uint64_t weight; /* each held byte times the ms for which the client has taken nothing */
    size_t bytes;    /* held for the client */
} sse_backlog;

/* The backlog of a client for whom `bytes` bytes are held. `due`: the deadline (ms of
 * sse_loop_now) that was set write_timeout ahead when the client took a byte for the last time.
 * Zero within the context's grace. */
sse_backlog sse_context_backlog(const sse_context *context, size_t bytes, uint64_t due);

/* For whoever has to wait because so much is held: protocol->on_room of every connection is called
 * a little later, once the context is no longer full. */
void sse_context_await_room(sse_context *context);

#endif
