/* shutdown.h: a graceful shutdown (RFC 9113 section 6.8). A first GOAWAY asks for no more
 * requests, but names no last one, since some are on their way; a PING follows. Its ACK shows that
 * all of these have arrived. Then the final GOAWAY names the last request that is served. */
#ifndef SSE_HTTP2_SHUTDOWN_H
#define SSE_HTTP2_SHUTDOWN_H

#include "session_types.h"

/* Submits the first GOAWAY, and tells every exchange that its end is wanted. Harmless when called
 * again. */
void sse_http2_shutdown_start(sse_http2_session *s);

/* Takes no request after those that have begun to arrive: submits the final GOAWAY at once.
 * Harmless during a shutdown. */
void sse_http2_shutdown_now(sse_http2_session *s);

/* A GOAWAY was sent: submits the PING, if it was the first one. */
void sse_http2_shutdown_goaway_sent(sse_http2_session *s);

/* Submits the final GOAWAY: the client has answered the PING, or goaway_at has passed. */
void sse_http2_shutdown_finish(sse_http2_session *s);

#endif
