/* response.h: the responses on a session's streams: those of exchanges, by the transport, and
 * those that reject a request. */
#ifndef SSE_HTTP2_RESPONSE_H
#define SSE_HTTP2_RESPONSE_H

#include "session_types.h"

/* What the exchanges of a session need of HTTP/2; an exchange's `session` is its stream. */
extern const sse_transport sse_http2_transport;

/* Responds to a request that can't be served with "status Reason: reason" as text, a 503 with
 * Retry-After, and drops the request. Counts in stats as rejected with that status (400 to 599).
 * May be called from nghttp2's callbacks. */
void sse_http2_response_reject(sse_http2_stream *t, int status, const char *reason);

/* Responds to a request past a limit of connections, whose head the reader has parsed, as
 * sse_own_refusal says. */
void sse_http2_response_refuse(sse_http2_stream *t);

#endif
