/* session_types.h: the state of an HTTP/1 session, which the files of this folder share. */
#ifndef SSE_HTTP1_SESSION_TYPES_H
#define SSE_HTTP1_SESSION_TYPES_H

#include "../http/exchange.h"
#include "reader.h"

typedef struct sse_http1_session {
    sse_connection *connection;
    sse_exchange *exchange;   /* the request being answered, or NULL */
    sse_http1_reader *reader; /* input that is not a whole request yet; NULL: there is none */
    bool keep_alive;          /* the connection stays open after the current response */
    bool chunked;             /* the current response's body is sent in chunks */
    bool expect_continue;     /* the client waits for 100 (Continue) before it sends the body */
    bool request_started;     /* a part of the next request has arrived: head_timeout runs */
    bool had_request;         /* a whole request has arrived on the connection */
} sse_http1_session;

/* Bytes that have arrived and are not parsed yet. */
static inline size_t sse_http1_buffered(const sse_http1_session *s)
{
    return s->reader ? s->reader->in.len : 0;
}

/* Whether a head is parsed and the body behind it is still arriving. */
static inline bool sse_http1_receiving_body(const sse_http1_session *s)
{
    return s->reader && s->reader->request;
}

static inline void sse_http1_drop_reader(sse_http1_session *s)
{
    sse_http1_reader_free(s->reader);
    s->reader = NULL;
}

#endif
