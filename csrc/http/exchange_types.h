/* exchange_types.h: the structs of an exchange, of its transport, and of its owner's callbacks. See
 * exchange.h. */
#ifndef SSE_HTTP_EXCHANGE_TYPES_H
#define SSE_HTTP_EXCHANGE_TYPES_H

#include "../wire/frame.h"
#include "connection.h"
#include "request.h"

typedef enum sse_exchange_state {
    SSE_EXCHANGE_OPEN,     /* nothing is sent */
    SSE_EXCHANGE_STARTED,  /* the head is sent, and body may follow */
    SSE_EXCHANGE_FINISHED, /* ended: the whole response was given to the transport */
    SSE_EXCHANGE_CLOSED,   /* ended otherwise */
} sse_exchange_state;

typedef struct sse_exchange sse_exchange;

/* The callbacks of an exchange's owner, a handler's response or a stream. Any may be NULL. */
typedef struct sse_exchange_events {
    /* Within the call that ended the exchange. May neither call an exchange nor the program. */
    void (*on_end_marked)(void *user);
    /* From the loop, once; the exchange is freed afterwards. */
    void (*on_end)(void *user, sse_reason reason);
    /* From the loop: what was queued is written. */
    void (*on_drain)(void *user);
    /* A graceful shutdown has begun: the exchange should end soon. May call as on_end_marked. */
    void (*on_shutdown)(void *user);
} sse_exchange_events;

/* What a protocol does for its exchanges. None is called once the exchange has ended. */
typedef struct sse_transport {
    /* Sends a head. `length`: bytes of the body, or -1: streamed. Errors as sse_exchange_start. */
    int (*start)(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                 int64_t length, size_t *bad);
    /* Queues a piece of body, adding a reference. SSE_ECLOSED, SSE_ENOMEM. */
    int (*send)(sse_exchange *x, sse_frame *frame);
    /* See sse_exchange_push. */
    int (*push)(sse_exchange *x, sse_frame *frame);
    /* The response is complete. */
    void (*finish)(sse_exchange *x);
    /* A response that is finished next must be taken within `ms`. */
    void (*set_final_deadline)(sse_exchange *x, uint64_t ms);
    /* Breaks the response off so that the client notices. */
    void (*abort)(sse_exchange *x);
    /* See sse_connection_flush. */
    void (*flush)(sse_exchange *x, bool again);
    /* Bytes of this exchange that are queued; where there are any, on_drain follows. */
    size_t (*pending)(const sse_exchange *x);
    /* Bytes queued for all exchanges of the connection. */
    size_t (*queued)(const sse_exchange *x);
    /* The queue in which the response waits: the connection's, or that of its HTTP/2 stream. */
    sse_queue *(*queue)(const sse_exchange *x);
    sse_connection *(*connection)(const sse_exchange *x);
    /* Where the server's entry for the client's address is kept: see sse_exchange_count. */
    void **(*address)(const sse_exchange *x);
    /* See sse_exchange_lost. */
    bool (*lost)(const sse_exchange *x);
} sse_transport;

struct sse_exchange {
    sse_context *context;
    const sse_transport *transport;
    void *session;        /* the transport's; NULL once the exchange has ended, and only then */
    sse_request *request; /* NULL once dropped */
    union {
        sse_exchange *next;       /* context->ended, once the exchange has ended */
        uint64_t body_left;       /* bytes of body still to come, where `sized` */
        struct {                  /* of an event stream, for push/stream.c; each 0: no such end */
            uint32_t lives_until; /* ms of the loop's clock, modulo 2^32 */
            uint32_t expires_at;  /* seconds since 1970 */
        };
    };
    void *user;                    /* for the callbacks */
    const sse_exchange_events *on; /* never NULL */
    uint8_t state;                 /* sse_exchange_state */
    uint8_t reason;                /* sse_reason, once ended */
    bool head_only;                /* the response has no body: to HEAD, or by its status */
    bool counted;                  /* see sse_exchange_count */
    bool sized;                    /* a streamed response whose length is known */
    bool long_lived; /* an event stream: the request is dropped, and the client's end of input ends
                        the exchange */
};

#endif
