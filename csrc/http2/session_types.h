/* session_types.h: a session, its streams, and their requests while they arrive. "Engine" is
 * nghttp2. It may not be entered again from within its callbacks, so these only note what is to be
 * done; requests are handed over when it has returned, and what is to go is asked of it once, when
 * the connection is flushed. */
#ifndef SSE_HTTP2_SESSION_TYPES_H
#define SSE_HTTP2_SESSION_TYPES_H

#include <nghttp2/nghttp2.h>

#include "../http/bodies.h"
#include "flood_limits.h"
#include "response_head.h"

typedef struct sse_http2_session sse_http2_session;
typedef struct sse_http2_stream sse_http2_stream;
typedef struct sse_http2_reader sse_http2_reader;

/* A request that arrives. Its head is laid out as HTTP/1.1 has it and goes through the same parser,
 * so that limits, refusals and what handlers see are the same. */
struct sse_http2_reader {
    sse_http2_stream *stream;
    sse_http2_reader *next, **link; /* session->readers */
    sse_deadline deadline;          /* of the body */
    sse_buffer method, path, authority;
    sse_buffer fields, cookies;
    size_t field_bytes;                   /* bytes of all fields, as their sizes are counted */
    size_t withheld;                      /* bytes that the client may not replace yet */
    sse_request *request;                 /* once the head is whole */
    sse_arrival arrival;                  /* of its body */
    bool wide_window;                     /* its window was made WIDE */
    bool target_too_long, head_too_large; /* the target, or all of the head, is more than is kept of
                                             it */
    bool head_ended;
    bool complete; /* the request is whole */
};

struct sse_http2_stream {
    sse_http2_session *session;
    sse_http2_stream *next, **link;                 /* session->streams */
    sse_http2_stream *next_pending, **pending_link; /* session->pending; link NULL: not there */
    sse_http2_stream *next_ending, **ending_link; /* context->http2_ending; link NULL: not there */
    sse_exchange *exchange;                       /* or NULL: before it and after it */
    sse_http2_reader *reader;                     /* while the request arrives */
    sse_http2_response_head *head;                /* of the answer, until it went to the engine */
    sse_queue out;                                /* of the answer's body */
    uint8_t reason;                               /* why it ends, where that isn't the client's */
    uint64_t timeout_at; /* ms: it ends if nothing goes until then; 0: never */
    int32_t id;
    bool deferred : 1;           /* the engine doesn't ask for DATA until it is resumed */
    bool complete : 1;           /* the answer is whole */
    bool reset : 1;              /* we ended it: nothing goes or comes any more */
    bool half_closed_remote : 1; /* the client's side has ended */
    bool notify_drain : 1;       /* on_drain, once all has gone */
    bool timeout_final : 1;      /* `due` is the end, whatever goes meanwhile */
    bool ended : 1;  /* nothing reaches the client any more: its exchange ends with the turn */
    bool closed : 1; /* the engine knows it no more: it is freed with the turn */
};

struct sse_http2_session {
    sse_connection *connection;
    nghttp2_session *nghttp2;
    sse_http2_stream *streams;
    sse_http2_stream *pending; /* with something to go, or somebody to tell */
    sse_http2_reader *readers; /* requests that arrive, oldest first */
    sse_http2_reader **readers_tail;
    sse_deadline timer; /* the earliest `due` */
    sse_frame *buffer;  /* heads and other frames that this flush gathers, `used` bytes so far */
    size_t buffer_used;
    size_t queued;         /* bytes of all streams' `out` */
    size_t body_bytes;     /* bytes of all requests that arrive */
    uint32_t wide_windows; /* of these, with a window that was made wider */
    sse_http2_flood_limits flood_limits;
    uint64_t goaway_at;      /* ms: the second GOAWAY, though the client was not heard; 0: none */
    uint32_t stream_count;   /* streams */
    uint32_t partial_heads;  /* requests whose head is not whole yet */
    uint32_t ready_requests; /* whole requests that wait to be handed over */
    bool in_nghttp2 : 1;     /* within the engine */
    bool flush_wanted : 1;   /* a flush has something to do */
    bool flush_partial : 1;  /* the last flush left something */
    bool draining : 1;       /* the first GOAWAY was sent */
    bool closing : 1;        /* the server closes it */
    bool failed : 1;         /* the engine can't go on */
};

static inline sse_context *sse_http2_context(const sse_http2_session *s)
{
    return s->connection->context;
}

static inline uint64_t sse_http2_now(const sse_http2_session *s)
{
    return sse_loop_now(sse_http2_context(s)->loop);
}

/* Bytes of the request's body that have arrived. */
static inline size_t sse_http2_reader_body_len(const sse_http2_reader *r)
{
    return r->request ? r->request->body.len : 0;
}

#endif
