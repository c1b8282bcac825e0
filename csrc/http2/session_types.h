/* session_types.h: the state of an HTTP/2 session: its streams, and their requests while they are
 * received.
 *
 * nghttp2 may not be entered again from within its callbacks. So callbacks only change what is here
 * and submit frames, which nghttp2 queues. Requests are handed over once nghttp2 has returned, and
 * frames are taken out of it when the connection is flushed. */
#ifndef SSE_HTTP2_SESSION_TYPES_H
#define SSE_HTTP2_SESSION_TYPES_H

#include <nghttp2/nghttp2.h>

#include "../http/bodies.h"
#include "flood_limits.h"
#include "response_head.h"

typedef struct sse_http2_session sse_http2_session;
typedef struct sse_http2_stream sse_http2_stream;
typedef struct sse_http2_reader sse_http2_reader;

/* A request while it is received. Its head is written as HTTP/1.1 has it and goes through HTTP/1's
 * parser, so that limits, error responses and what handlers see are the same. */
struct sse_http2_reader {
    sse_http2_stream *stream;
    sse_http2_reader *next, **link;     /* session->readers */
    sse_deadline deadline;              /* body_timeout, while the body is received */
    sse_buffer method, path, authority; /* the pseudo-header fields */
    sse_buffer fields;                  /* "name: value" lines */
    sse_buffer cookies;                 /* the pieces of Cookie, joined */
    size_t field_bytes;                 /* size of all fields as RFC 9113 section 6.5.2 counts it */
    size_t withheld;            /* bytes of body received for which no WINDOW_UPDATE was sent */
    sse_request *request;       /* once the head is parsed; its body grows; NULL before */
    sse_incoming_body incoming; /* of the body */
    bool wide_window;           /* counts in session->wide_windows */
    bool target_too_long;       /* :path is longer than max_target, and was not kept */
    bool head_too_large;        /* the head is larger than max_head_size, and the rest was not kept
                                 * */
    bool head_ended;            /* the header block is whole */
    bool complete;              /* the request is whole and waits to be handed over */
};

/* One request and its response. A stream is open, then ended (its exchange is told so at the end of
 * the turn), then closed (nghttp2 has dropped it; freed at the end of the turn). */
struct sse_http2_stream {
    sse_http2_session *session;
    sse_http2_stream *next, **link;                 /* session->streams */
    sse_http2_stream *next_pending, **pending_link; /* session->pending; link NULL: not in it */
    sse_http2_stream *next_ended, **ended_link;     /* context->http2_ended_streams, likewise */
    void *address;                                  /* see sse_exchange_count */
    sse_exchange *exchange;        /* NULL before the request is handed over, and once it ended */
    sse_http2_reader *reader;      /* while the request is received, or NULL */
    sse_http2_response_head *head; /* of the response, until it is submitted to nghttp2 */
    sse_queue out;                 /* the response's body, as far as it is not sent */
    uint64_t deadline;             /* ms: the stream ends then unless DATA is sent; 0: never */
    int32_t id;
    uint8_t reason;              /* sse_reason: why it ended; the first one counts */
    bool deferred : 1;           /* nghttp2 does not ask for DATA until it is resumed */
    bool complete : 1;           /* the response is whole: END_STREAM follows what is in `out` */
    bool reset : 1;              /* RST_STREAM was submitted: nothing is sent or received */
    bool half_closed_remote : 1; /* the client has sent END_STREAM */
    bool notify_drain : 1;   /* on_drain is called once `out` and the socket's queue are empty */
    bool deadline_final : 1; /* DATA that is sent does not clear deadline */
    bool ended : 1;          /* nothing reaches the client any more */
    bool closed : 1;         /* nghttp2 has dropped it */
};

struct sse_http2_session {
    sse_connection *connection;
    nghttp2_session *nghttp2;
    sse_http2_stream *streams;
    sse_http2_stream *pending; /* streams with a head or body to send, or an on_drain to call */
    sse_http2_reader *readers; /* requests that are received or not yet handed over, oldest first */
    sse_http2_reader **readers_tail;
    sse_deadline timer;    /* fires at the earliest deadline of a stream, or at goaway_at */
    sse_frame *buffer;     /* what the current flush has written but the payload of DATA, or NULL */
    size_t buffer_used;    /* bytes of it */
    size_t queued;         /* bytes in all streams' `out` */
    size_t body_bytes;     /* bytes of the bodies of all readers */
    uint32_t wide_windows; /* readers whose window was widened */
    sse_http2_flood_limits flood_limits;
    uint64_t goaway_at;      /* ms: when the final GOAWAY is sent at the latest; 0: never */
    uint32_t stream_count;   /* in `streams` */
    uint32_t partial_heads;  /* readers whose header block is not whole */
    uint32_t ready_requests; /* readers that are complete */
    bool in_nghttp2 : 1;     /* nghttp2 is sending or receiving: it may not be entered */
    bool flush_wanted : 1;   /* there is something to flush since the last flush began */
    bool flush_partial : 1;  /* the last flush stopped because the connection's queue was full */
    bool draining : 1;       /* the first GOAWAY was submitted */
    bool closing : 1;        /* the server closes the connection */
    bool broke_protocol : 1; /* the client has, by a frame that nghttp2 would pass over */
    bool failed : 1;         /* a call of nghttp2 failed: the next flush closes the connection */
};

static inline sse_context *sse_http2_context(const sse_http2_session *s)
{
    return s->connection->context;
}

/* ms */
static inline uint64_t sse_http2_now(const sse_http2_session *s)
{
    return sse_loop_now(sse_http2_context(s)->loop);
}

/* Bytes of the request's body that were received. */
static inline size_t sse_http2_reader_body_len(const sse_http2_reader *r)
{
    return r->request ? r->request->body.len : 0;
}

#endif
