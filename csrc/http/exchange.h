/* exchange.h: one request and its answer, whatever protocol carries them. It is open until
 * answered, then started (a streamed answer) or finished, and ends once: on_end comes from the
 * loop, never from inside a call made by the user, and the exchange is freed when it returns. */
#ifndef SSE_HTTP_EXCHANGE_H
#define SSE_HTTP_EXCHANGE_H

#include "../wire/frame.h"
#include "connection.h"
#include "request.h"

typedef enum sse_exchange_state {
    SSE_EXCHANGE_OPEN,     /* nothing sent */
    SSE_EXCHANGE_STARTED,  /* head sent, body may follow */
    SSE_EXCHANGE_FINISHED, /* the whole answer was handed over */
    SSE_EXCHANGE_CLOSED,   /* ended otherwise */
} sse_exchange_state;

typedef struct sse_exchange sse_exchange;

/* Whom an exchange tells; each may be NULL. */
typedef struct sse_exchange_events {
    void (*on_end_marked)(void *user); /* at once, within the call that ended it: may call nobody */
    void (*on_end)(void *user, sse_reason reason); /* from the loop, once; then it is freed */
    void (*on_drain)(void *user);                  /* what was queued went out; from the loop */
    void (*on_shutdown)(void *user); /* the server context drains: end soon. May call nobody */
} sse_exchange_events;

/* The protocol's part. `length`: of a body known beforehand, or -1 for a streamed one. */
typedef struct sse_transport {
    int (*start)(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                 int64_t length, size_t *bad);
    int (*send)(sse_exchange *x, sse_frame *frame);
    int (*push)(sse_exchange *x, sse_frame *frame); /* see sse_exchange_push */
    void (*finish)(sse_exchange *x);
    void (*set_final_deadline)(sse_exchange *x, uint64_t ms); /* to be finished: no longer than that
                                                               */
    void (*abort)(sse_exchange *x);
    void (*flush)(sse_exchange *x, bool again); /* see sse_connection_flush */
    size_t (*pending)(const sse_exchange *x);   /* more than 0: on_drain follows */
    size_t (*queued)(const sse_exchange *x);    /* bytes of all the connection's exchanges */
    sse_connection *(*connection)(const sse_exchange *x);
    bool (*lost)(const sse_exchange *x); /* see sse_exchange_lost */
} sse_transport;

struct sse_exchange {
    sse_context *context;
    const sse_transport *transport;
    void *session;        /* the transport's; NULL once the exchange has ended, and only then */
    sse_request *request; /* NULL once dropped */
    union {
        sse_exchange *next; /* context->ended, once it has ended */
        uint64_t body_left; /* bytes of body still to come, where `sized` */
    };
    void *user;
    const sse_exchange_events *on; /* never NULL */
    uint8_t state, reason;
    bool head_only;  /* HEAD: the body is not sent */
    bool sized;      /* a streamed answer whose length was told beforehand */
    bool long_lived; /* an event stream: the request is dropped, the client's end of input ends it
                      */
};

/* Nobody listens. */
extern const sse_exchange_events sse_exchange_no_events;

/* Lets go of the request: who keeps a reference to it has its head, but no longer its body. */
void sse_exchange_drop_request(sse_exchange *x);

/* For the transport: a new exchange (takes the request over), and its end. */
sse_exchange *sse_exchange_new(sse_context *context, const sse_transport *transport, void *session,
                               sse_request *request);
void sse_exchange_end(sse_exchange *x, sse_reason reason);

/* The end of the turn: calls on_end of each exchange that has ended, oldest first, and frees it.
 * What ends meanwhile waits for the next turn. */
void sse_exchange_tell_ended(sse_context *context);

/* A whole answer. SSE_EINVAL: a bad field (*bad is its index); SSE_ESTATE: answered before;
 * SSE_ECLOSED. SSE_EFULL: more than max_buffered is held, and a 503 was sent instead. */
int sse_exchange_reply(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                       sse_slice body, size_t *bad);

/* The head of a streamed answer. Errors as above. */
int sse_exchange_start(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                       size_t *bad);

/* The same of a body whose length is known: it is streamed, and must come to exactly that.
 * SSE_EFULL: as sse_exchange_reply. */
int sse_exchange_start_sized(sse_exchange *x, int status, const sse_http1_field *fields,
                             size_t count, uint64_t length, size_t *bad);

/* Whether so many bytes may be sent now, after a try to get rid of what is pending: SSE_OK, or what
 * sse_exchange_send would say. */
int sse_exchange_check_room(sse_exchange *x, size_t bytes, size_t max);

/* A piece of a streamed body; all or nothing. SSE_EFULL: max bytes are pending and the client takes
 * none, or the server holds so much that its connection's share counts; SSE_ETOOBIG: the frame
 * alone is over max, or longer than what is left of a sized body; SSE_ECLOSED, SSE_ESTATE,
 * SSE_ENOMEM. */
int sse_exchange_send(sse_exchange *x, sse_frame *frame, size_t max);

/* A piece of a streamed body straight to the client. SSE_OK: the socket has all of it. SSE_EAGAIN:
 * taken, but the client is behind, and on_drain tells when it no longer is. Otherwise it was not
 * taken: SSE_ECLOSED, SSE_ENOMEM. Calls nobody; the exchange stays until the loop tells its end. */
int sse_exchange_push(sse_exchange *x, sse_frame *frame);

/* A clean end of our choice: what was sent already, then `last` (NULL: none). ms: a client that has
 * not taken it by then is closed; 0: the stall limit rules. */
void sse_exchange_finish_within(sse_exchange *x, sse_frame *last, uint64_t ms, sse_reason reason);

/* The transport's server context drains: whoever listens is told, once. */
void sse_exchange_notify_shutdown(sse_exchange *x);

/* The clean end of a streamed answer; one that is shorter than its length is aborted instead.
 * Harmless when ended. */
void sse_exchange_finish(sse_exchange *x, sse_reason reason);

/* Breaks the connection (or the protocol's stream), so that the client sees an unfinished answer.
 */
void sse_exchange_abort(sse_exchange *x, sse_reason reason);

/* Bytes that wait to go out; where there are any, on_drain follows. */
size_t sse_exchange_pending(const sse_exchange *x);

static inline bool sse_exchange_ended(const sse_exchange *x)
{
    return x->state >= SSE_EXCHANGE_FINISHED;
}

/* The client has gone, or its connection was closed, while the exchange has not ended yet: the end
 * of the turn ends it. What is sent meanwhile is refused (SSE_ECLOSED). */
static inline bool sse_exchange_lost(const sse_exchange *x)
{
    return x->session && x->transport->lost(x);
}

/* Whether the connection is TLS. False once the exchange has ended. */
bool sse_exchange_secure(const sse_exchange *x);

/* As sse_tls_client_subject; false also once the exchange has ended. */
bool sse_exchange_client_subject(const sse_exchange *x, char *out, size_t size);

#endif
