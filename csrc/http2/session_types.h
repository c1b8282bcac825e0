/* session_types.h: what the http2_*.c files share among themselves: a session, its streams, and
 * what each file does for the others. "Engine" is nghttp2. It may not be entered again from within
 * its callbacks, so these only note what is to be done; requests are handed over when it has
 * returned, and what is to go is asked of it once, when the connection is flushed. */
#ifndef SSE_HTTP2_SESSION_TYPES_H
#define SSE_HTTP2_SESSION_TYPES_H

#include <nghttp2/nghttp2.h>

#include "../http/connection.h"
#include "../http/exchange.h"

#define SSE_HTTP2_FRAME_HEAD 9 /* bytes */

typedef struct sse_http2 sse_http2;
typedef struct sse_http2_stream sse_http2_stream;
typedef struct sse_http2_reading sse_http2_reading;

/* How much of something came lately: it leaks `rate` a second. */
typedef struct sse_http2_bucket {
    uint64_t at; /* ms */
    uint32_t level;
} sse_http2_bucket;

typedef struct sse_http2_guard {
    sse_http2_bucket resets, idle; /* streams reset; frames that carry nothing */
    size_t block;                  /* bytes of the header block at hand, as sent */
    uint32_t block_frames;
    uint64_t *count; /* of context->count: what was found, or NULL */
} sse_http2_guard;

/* An answer's head. It is kept until the flush, so that until then it can become another one. */
typedef struct sse_http2_head {
    size_t count;
    bool has_body;       /* DATA will follow */
    nghttp2_nv fields[]; /* and behind them the bytes they point into */
} sse_http2_head;

struct sse_http2_stream {
    sse_http2 *session;
    sse_http2_stream *next, **link;               /* session->streams */
    sse_http2_stream *next_busy, **busy_link;     /* session->busy; link NULL: not there */
    sse_http2_stream *next_ending, **ending_link; /* context->http2_ending; link NULL: not there */
    sse_exchange *exchange;                       /* or NULL: before it and after it */
    sse_http2_reading *read;                      /* while the request arrives */
    sse_http2_head *head;                         /* of the answer, until it went to the engine */
    sse_queue out;                                /* of the answer's body */
    uint8_t reason;                               /* why it ends, where that isn't the client's */
    uint64_t due; /* ms: it ends if nothing goes until then; 0: never */
    int32_t id;
    bool deferred : 1;  /* the engine doesn't ask for DATA until it is resumed */
    bool finished : 1;  /* the answer is whole */
    bool reset : 1;     /* we ended it: nothing goes or comes any more */
    bool peer_done : 1; /* the client's side has ended */
    bool tell : 1;      /* on_drain, once all has gone */
    bool hurried : 1;   /* `due` is the end, whatever goes meanwhile */
    bool lost : 1;      /* nothing reaches the client any more: its exchange ends with the turn */
    bool closed : 1;    /* the engine knows it no more: it is freed with the turn */
};

struct sse_http2 {
    sse_connection *connection;
    nghttp2_session *engine;
    sse_http2_stream *streams;
    sse_http2_stream *busy;     /* with something to go, or somebody to tell */
    sse_http2_reading *reading; /* requests that arrive, oldest first */
    sse_http2_reading **reading_tail;
    sse_deadline watch; /* the earliest `due` */
    sse_frame *block;   /* heads and other frames that this flush gathers, `used` bytes so far */
    size_t used;
    size_t queued; /* bytes of all streams' `out` */
    size_t bodies; /* bytes of all requests that arrive */
    uint32_t wide; /* of these, with a window that was made wider */
    sse_http2_guard guard;
    uint64_t drain_due; /* ms: the second GOAWAY, though the client was not heard; 0: none */
    uint32_t count;     /* streams */
    uint32_t heads;     /* requests whose head is not whole yet */
    uint32_t ready;     /* whole requests that wait to be handed over */
    bool inside : 1;    /* within the engine */
    bool wanted : 1;    /* a flush has something to do */
    bool more : 1;      /* the last flush left something */
    bool draining : 1;  /* the first GOAWAY was sent */
    bool closing : 1;   /* the server closes it */
    bool failed : 1;    /* the engine can't go on */
};

static inline sse_context *sse_http2_context(const sse_http2 *s)
{
    return s->connection->context;
}

static inline uint64_t sse_http2_now(const sse_http2 *s)
{
    return sse_loop_now(sse_http2_context(s)->loop);
}

/* --- http2_session.c */

/* A flush is due. */
void sse_http2_wake(sse_http2 *s);

/* The connection's deadline, after what is open now. */
void sse_http2_set_deadline(sse_http2 *s);

/* The watch fires at `due` at the latest. */
void sse_http2_watch(sse_http2 *s, uint64_t due);

/* --- http2_stream.c: a stream's life and its answer */

sse_http2_stream *sse_http2_stream_new(sse_http2 *s, int32_t id); /* NULL: out of memory */

/* Ends its exchange and frees it, at once: only for the connection's on_closed. */
void sse_http2_stream_free(sse_http2_stream *t, sse_reason reason);

/* The stream's exchange, if there is one, ends with the turn; the first reason counts. From now on
 * the stream takes nothing. Whoever holds the stream or the exchange may go on using them. */
void sse_http2_stream_lose(sse_http2_stream *t, sse_reason reason);

/* The engine has let go of the stream: as sse_http2_stream_lose, and it is freed with the turn. */
void sse_http2_stream_closed(sse_http2_stream *t, sse_reason reason);

/* RST_STREAM, and nothing else any more. */
void sse_http2_stream_reset(sse_http2_stream *t, uint32_t error);

/* A clear answer to a request that can't be served; what comes behind it is not looked at. */
void sse_http2_stream_refuse(sse_http2_stream *t, int status, const char *reason);

void sse_http2_stream_busy(sse_http2_stream *t);
void sse_http2_stream_idle(sse_http2_stream *t);

extern const sse_transport sse_http2_transport;

/* --- send.c: from the streams' queues to the connection's */

/* Bytes of frames that are not DATA. SSE_ENOMEM, SSE_ECLOSED. */
int sse_http2_gather(sse_http2 *s, const void *bytes, size_t len);

/* The heads that wait go to the engine. */
void sse_http2_submit_heads(sse_http2 *s);

/* Whether the connection's queue is as full as a flush makes it. */
bool sse_http2_output_full(const sse_http2 *s);

int sse_http2_send_data(nghttp2_session *engine, nghttp2_frame *frame, const uint8_t *head,
                        size_t len, nghttp2_data_source *source, void *user);

/* --- http2_answer.c */

/* Lower-case names, without what is of the connection (RFC 9113 section 8.2.2). Errors as
 * sse_exchange_start's. */
int sse_http2_head_new(const char *date, int status, const sse_http1_field *fields, size_t count,
                       int64_t length, size_t *bad, sse_http2_head **out);

/* --- http2_request.c */

int sse_http2_reading_new(sse_http2_stream *t); /* SSE_ENOMEM */
void sse_http2_reading_free(sse_http2_stream *t);

/* A field of the head. SSE_ETOOBIG: without measure. */
int sse_http2_reading_field(sse_http2_stream *t, sse_slice name, sse_slice value);

/* The head is whole; with `last` the request is. */
void sse_http2_reading_head(sse_http2_stream *t, bool last);
void sse_http2_reading_body(sse_http2_stream *t, sse_slice bytes);
void sse_http2_reading_end(sse_http2_stream *t);

/* The window that a request begins with: SETTINGS_INITIAL_WINDOW_SIZE. */
uint32_t sse_http2_first_window(const sse_limits *limits);

/* Hands whole requests over, unless the client has its share of what the server holds. */
void sse_http2_dispatch(sse_http2 *s);

/* There may be room for those that have waited. */
void sse_http2_on_room(sse_connection *c);

/* --- http2_debt.c: what the client owes; see sse_protocol */

sse_debt sse_http2_debt(const sse_connection *c);
void sse_http2_on_debt(sse_connection *c);

/* --- flood_limits.c: whether the client keeps measure; false: enough */

bool sse_http2_guard_frame(sse_http2 *s, const nghttp2_frame_hd *head);
bool sse_http2_guard_reset(sse_http2 *s);
void sse_http2_guard_sent(sse_http2 *s); /* a DATA frame went: it may be answered */

/* Bytes of header fields past which a block is without measure. */
static inline size_t sse_http2_most_fields(const sse_limits *limits)
{
    return 4 * limits->max_head + (64u << 10);
}

#endif
