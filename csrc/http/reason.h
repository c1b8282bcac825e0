/* reason.h: why a connection, an exchange, an event stream or a follower ended. */
#ifndef SSE_HTTP_REASON_H
#define SSE_HTTP_REASON_H

typedef enum sse_reason {
    SSE_NOT_ENDED,    /* still open */
    SSE_END_FINISHED, /* the response was complete */
    SSE_END_CLIENT,   /* the client closed or reset the connection or the HTTP/2 stream */
    SSE_END_SERVER,   /* the server closed it: by the program's wish, or to shut down */
    SSE_END_SLOW,     /* the client took its bytes too slowly */
    SSE_END_TIMEOUT,  /* a deadline passed */
    SSE_END_ERROR,    /* out of memory, or a failed call of the system */
    SSE_END_EXPIRED,  /* an event stream's time was over: see sse_stream_expire_at. No connection
                         ends so */
    SSE_REASONS,      /* how many reasons there are */
} sse_reason;

/* The reason as Lua and the metrics name it: "client"; "open" for SSE_NOT_ENDED. */
const char *sse_reason_name(sse_reason reason);

#endif
