/* stream.h: one open text/event-stream response (WHATWG HTML 9.2): events and comments, a
 * keep-alive comment after silence, a bound on what may wait for a slow client. */
#ifndef SSE_PUSH_STREAM_H
#define SSE_PUSH_STREAM_H

#include "../http/exchange.h"
#include "../wire/event.h"

#define SSE_KEEP_ALIVE_DEFAULT (-1)

struct sse_follower;
struct sse_dictionary;

/* Its fields are channel.c's and follower.c's too; nobody else's. */
typedef struct sse_stream {
    sse_exchange *exchange;         /* freed right after our on_end, as we are */
    struct sse_follower *followers; /* one a channel */
    uint32_t last_sent;             /* ms; wraps */
    uint32_t max_pending;
    uint32_t interval; /* ms between keep-alives, 0: none; once draining, of the `retry:` */
    bool behind;       /* the client takes no more at present: on_drain follows */
    bool resolved;     /* the client's last event id is of one of the channels it followed */
    bool draining;     /* the keep-alive deadline is the end */
    bool compressed;   /* a compressor lies behind it */
    sse_deadline keep_alive;
    void *user;
    const sse_exchange_events *on;
} sse_stream;

/* How a stream is compressed for a client that asks for it. */
typedef enum sse_compress {
    SSE_COMPRESS_OFF,
    SSE_COMPRESS_SHARED, /* each event by itself, once for all who get it */
    SSE_COMPRESS_WINDOW, /* with a window of SSE_WINDOW_BYTES of its own */
} sse_compress;

typedef struct sse_stream_options {
    int status;
    const sse_http1_field *fields; /* beside the stream's own; they win over Cache-Control and
                                      X-Accel-Buffering */
    size_t count;
    int64_t retry;         /* ms sent at once, or SSE_NO_RETRY */
    int64_t keep_alive;    /* ms, 0: none, SSE_KEEP_ALIVE_DEFAULT: the server's */
    size_t max_pending;    /* 0: the server's */
    sse_compress compress; /* where the client asks for it */
} sse_stream_options;

/* Answers the exchange with a stream; the request is dropped. The exchange belongs to the stream
 * then, and both are gone once on_end was called (from the loop). Errors of sse_exchange_start. */
int sse_stream_open(sse_exchange *x, const sse_stream_options *options, sse_stream **out,
                    size_t *bad);

/* Whom to tell, instead of those before; on_end is called once with the reason. */
void sse_stream_listen(sse_stream *s, void *user, const sse_exchange_events *on);

/* SSE_OK: queued whole. SSE_EFULL, SSE_ETOOBIG, SSE_ECLOSED, SSE_ENOMEM; SSE_EINVAL with *field. */
int sse_stream_send(sse_stream *s, const sse_event *event, const char **field);
int sse_stream_comment(sse_stream *s, sse_slice text);

/* A frame straight to the client: see sse_exchange_push. dictionary: see
 * sse_compressor_push. */
int sse_stream_push(sse_stream *s, sse_frame *frame, const struct sse_dictionary *dictionary);

/* What is pushed from now on may come from another log, or from elsewhere in it. */
void sse_stream_break_run(sse_stream *s);

/* Whether its client takes more at present, after a try to write what is queued: that only waits
 * for the end of the turn as a rule. `again`: also where the socket took no more the last time. */
bool sse_stream_takes(sse_stream *s, bool again);

/* The clean end after ms, with a `retry:` before it, between retry and half as much more. The first
 * call counts. */
void sse_stream_end_after(sse_stream *s, uint64_t ms, uint64_t retry);

/* Ends one that is too slow, with SSE_END_SLOW: a `retry:` and a clean end if its client takes them
 * soon. */
void sse_stream_end_slow(sse_stream *s);

/* The clean end; on_end(SSE_END_SERVER) comes from the loop. Idempotent. */
void sse_stream_close(sse_stream *s);
void sse_stream_abort(sse_stream *s, sse_reason reason);

/* Nothing can be sent on it any more: it has ended, or its client has gone and the end of the turn
 * ends it. */
bool sse_stream_closed(const sse_stream *s);
size_t sse_stream_pending(const sse_stream *s);

#endif
