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
struct sse_arrival;
struct sse_exchange;
struct sse_stream;
struct sse_deflater;

/* A graceful shutdown: the event streams that are open end one by one, spread over a time. */
typedef struct sse_draining {
    bool on;
    uint64_t until, within; /* ms: when the last stream is to end, and how long all of it takes */
    uint64_t retry;         /* ms: clients reconnect after this long to half as long again */
    uint64_t streams, next; /* how many were open when it began; the slot of the next one */
} sse_draining;

typedef struct sse_context {
    sse_loop *loop;
    sse_timer_wheel wheel;
    sse_limits limits;
    sse_counters count;
    sse_connection *open, *dead;         /* connections: open; closed, to be freed */
    sse_connection *dirty, **dirty_tail; /* connections to be flushed, oldest first */
    size_t dirty_count;
    struct sse_exchange *ended, **ended_tail; /* exchanges whose end is to be told, oldest first */
    struct sse_arrival *arrivals;             /* bodies that arrive: see bodies.h */
    struct sse_http2_stream *http2_ending; /* of http2/stream.c: ended by the client, to be told */
    struct sse_follower *left;             /* of push/follower.c: to be freed */
    sse_deferred turn_end;                 /* calls the end of the turn, as given at init */
    sse_deadline relief; /* runs while more than max_buffered is held, and a little longer */
    uint64_t full_since; /* ms: since when more than max_buffered is held; 0: not now */
    uint64_t spared;     /* ms: clients that took a byte within this time are spared */
    sse_fork_call at_fork;
    sse_draining draining;
    sse_slab connections, sessions, exchanges, streams, compressed_streams, followers,
        http2_streams;
    struct sse_deflater *deflater; /* of push/compressor.c; NULL: not made yet */
    /* What wings above this one do. The end of the turn calls the second to fourth. */
    void (*on_request)(void *user, struct sse_exchange *x);    /* the server: a whole request */
    void (*on_connection_gone)(void *user, sse_connection *c); /* the server: before the free */
    void (*end_http2_streams)(struct sse_context *context);    /* http2: empties http2_ending */
    void (*free_left)(struct sse_context *context);            /* push: empties left */
    void (*on_stream_ready)(struct sse_stream *s);             /* push: the client takes more */
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

/* Nothing waits for the end of a turn: nothing to be flushed, told or freed. */
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
typedef struct sse_debt {
    uint64_t owed; /* bytes held for it, each times the ms that it has taken nothing */
    size_t held;   /* these bytes */
} sse_debt;

/* How far a client is behind for whom `held` bytes are held. `due`: the deadline (ms of
 * sse_loop_now) that was set write_timeout ahead when the client took a byte for the last time. */
sse_debt sse_context_debt(const sse_context *context, size_t held, uint64_t due);

/* For whoever has to wait because so much is held: protocol->on_room of every connection is called
 * a little later, once the context is no longer full. */
void sse_context_await_room(sse_context *context);

#endif
