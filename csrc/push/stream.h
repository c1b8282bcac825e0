/* stream.h: one open text/event-stream response (WHATWG HTML 9.2): events and comments, a
 * heartbeat comment after silence, a bound on what may wait for a slow client. */
#ifndef SSE_PUSH_STREAM_H
#define SSE_PUSH_STREAM_H

#include "../http/exchange.h"
#include "../wire/event.h"

#define SSE_HEARTBEAT_DEFAULT (-1)
#define SSE_MAX_LIFE_DEFAULT  (-1)

struct sse_follower;
struct sse_dictionary;

/* Users know the pointer only: its fields are for the files of this folder. */
typedef struct sse_stream {
    sse_exchange *exchange;         /* freed with the stream, right after on_end */
    struct sse_follower *followers; /* one for each channel that the stream follows */
    uint32_t last_sent;             /* ms of the loop's clock, modulo 2^32 */
    uint32_t max_pending;     /* bytes that may wait for the client before sends are refused */
    uint32_t interval;        /* ms between heartbeats, 0: none. With end_scheduled: the `retry:`
                                 that goes before the end */
    bool blocked : 1;         /* what was pushed waits for the client: on_drain follows */
    bool refused : 1;         /* something was refused since too much was pending */
    bool begun : 1;           /* something was sent */
    bool id_known : 1;        /* one of the channels it followed knows the client's last event id */
    bool placing : 1;         /* where its followers begin is being found out: none is served */
    bool end_scheduled : 1;   /* the heartbeat's deadline ends the stream */
    bool finish : 1;          /* a shutdown leaves its end to the program */
    bool compressed : 1;      /* it is the first member of a compressed_stream: see stream.c */
    bool tallied : 1;         /* context->on_tallied_end is called at its end */
    uint8_t heartbeat_number; /* of heartbeat.h: what the stream sends after silence */
    sse_deadline heartbeat;   /* the next heartbeat, or the stream's end if that comes first */
    void *user;
    const sse_exchange_events *on; /* never NULL */
} sse_stream;

/* How a stream is compressed for a client that asks for it. */
typedef enum sse_compress {
    SSE_COMPRESS_OFF,
    SSE_COMPRESS_SHARED, /* each frame is deflated once for all streams that send it */
    SSE_COMPRESS_WINDOW, /* by a deflater of the stream's own, which takes SSE_WINDOW_BYTES */
} sse_compress;

typedef struct sse_stream_options {
    int status;
    const sse_http1_field *fields; /* added to the stream's own. They may replace Cache-Control and
                                      X-Accel-Buffering, but not Content-Type */
    size_t count;                  /* of fields */
    int64_t retry;                 /* ms of a `retry:` that is sent first; SSE_NO_RETRY: none */
    int64_t heartbeat; /* ms of silence before a heartbeat; 0: none; SSE_HEARTBEAT_DEFAULT: as the
                          server's are */
    sse_slice heartbeat_event; /* its events' type; absent: a comment. Not with the default */
    size_t max_pending;        /* bytes; 0: as the server's limits say */
    sse_compress compress;     /* used where the client asks for it */
    int64_t max_life; /* ms, at most SSE_MAX_LIFE, 0: no limit; SSE_MAX_LIFE_DEFAULT: as the
                         server's limits say */
    bool finish; /* a shutdown does not end the stream, but waits for its end as for that of any
                    other response */
} sse_stream_options;

/* Answers the exchange with an event stream, and drops the request. Where nothing is sent by the
 * end of the turn, a comment is, because proxies may hold a head back until a body begins. The
 * stream owns the exchange from then on; both are freed when on_end has returned, which comes from
 * the loop. A failure leaves the exchange unanswered, with an error of sse_exchange_start (*bad:
 * index of the bad field), or SSE_EBUSY: the server's streams have too many types of heartbeats. */
int sse_stream_open(sse_exchange *x, const sse_stream_options *options, sse_stream **out,
                    size_t *bad);

/* Replaces the stream's callbacks and their `user`. Of `on`, which must outlive the stream, on_end
 * (once) and on_drain are called, both from the loop. */
void sse_stream_set_events(sse_stream *s, void *user, const sse_exchange_events *on);

/* The stream that an exchange has become; NULL: it has not. */
sse_stream *sse_stream_of(const sse_exchange *x);

/* Has context->on_tallied_end, which is set, called when the stream has ended. */
static inline void sse_stream_tally(sse_stream *s)
{
    s->tallied = true;
}

/* Sends one event or comment, whole or not at all. SSE_EFULL: max_pending bytes wait for the
 * client, and on_drain follows; SSE_ETOOBIG: it alone is over max_pending; SSE_EINVAL with the name
 * of the bad *field; SSE_ECLOSED, SSE_ENOMEM. */
int sse_stream_send(sse_stream *s, const sse_event *event, const char **field);
int sse_stream_comment(sse_stream *s, sse_slice text);

/* Sends a frame as sse_stream_send does. The frame stays the caller's. */
int sse_stream_send_frame(sse_stream *s, sse_frame *frame);

/* Sends a frame straight to the socket, whatever max_pending is: see sse_exchange_push for the
 * codes. dictionary: the place in a log that the frame continues, or NULL: see sse_compressor_push.
 */
int sse_stream_push(sse_stream *s, sse_frame *frame, const struct sse_dictionary *dictionary);

/* What is pushed next does not continue the log bytes pushed so far: blocks do not refer to them.
 */
void sse_stream_reset_dictionary(sse_stream *s);

/* Writes what waits for the client now rather than at the end of the turn, and returns whether the
 * client takes more. `again`: tries the socket also where it was full the last time. Calls no
 * callback. */
bool sse_stream_flush(sse_stream *s, bool again);

/* Ends the stream cleanly after `ms`. A `retry:` goes before the end, of `retry` ms to half as much
 * again. Only the first call counts. */
void sse_stream_end_after(sse_stream *s, uint64_t ms, uint64_t retry);

/* Ends the stream with SSE_END_SLOW: with a `retry:` and cleanly if the client takes what waits
 * within two seconds, by breaking off otherwise; one with the option `finish` breaks off. */
void sse_stream_end_slow(sse_stream *s);

/* Ends the stream with SSE_END_EXPIRED at a time of day, in seconds since 1970; at once where that
 * is over. As at the end of its max_life, a `retry:` goes before the end, so that the client comes
 * back; a stream with the option `finish` breaks off. Only the last call counts; 0: no such end. */
void sse_stream_expire_at(sse_stream *s, uint32_t seconds);

/* Ends the stream since nobody can send on it any more, with a `retry:`: as sse_stream_end_slow
 * does where something was refused, else cleanly, with SSE_END_SERVER. */
void sse_stream_end_lost(sse_stream *s);

/* Ends the stream: cleanly, with SSE_END_SERVER, or by breaking off. on_end comes from the loop.
 * Nothing happens where the stream has ended. */
void sse_stream_close(sse_stream *s);
void sse_stream_abort(sse_stream *s, sse_reason reason);

/* Whether nothing can be sent any more: the stream has ended, or its connection is lost and the end
 * of the turn ends the stream. */
bool sse_stream_closed(const sse_stream *s);

/* Bytes that wait for the client. */
size_t sse_stream_pending(const sse_stream *s);

#endif
