/* response.h: the responses of an HTTP/1 session: those of exchanges, by the transport, and those
 * that the session sends by itself. */
#ifndef SSE_HTTP1_RESPONSE_H
#define SSE_HTTP1_RESPONSE_H

#include "session_types.h"

/* What the exchanges of a session need of HTTP/1. */
extern const sse_transport sse_http1_transport;

/* Sends an error response "status Reason: reason" as text, a 503 with Retry-After. The reader is
 * dropped and the connection finishes, because what follows a bad request can't be trusted. */
void sse_http1_refuse(sse_http1_session *s, int status, const char *reason);

/* Sends the response of sse_own_refusal to the request that the reader holds, and finishes the
 * connection in the same way. */
void sse_http1_refuse_connection(sse_http1_session *s);

/* The same for a request, which counts in stats as rejected with that status (400 to 599). */
void sse_http1_reject(sse_http1_session *s, int status, const char *reason);

/* Sends 100 (Continue) if the client waits for it (RFC 9110 section 10.1.1). */
void sse_http1_send_continue(sse_http1_session *s);

#endif
