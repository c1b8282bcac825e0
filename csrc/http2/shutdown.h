/* shutdown.h: the two GOAWAYs of a graceful shutdown (RFC 9113 section 6.8). */
#ifndef SSE_HTTP2_SHUTDOWN_H
#define SSE_HTTP2_SHUTDOWN_H

#include "session_types.h"

/* The first GOAWAY. */
void sse_http2_shutdown_start(sse_http2_session *s);

/* A GOAWAY was sent. */
void sse_http2_shutdown_goaway_sent(sse_http2_session *s);

/* The second GOAWAY. */
void sse_http2_shutdown_finish(sse_http2_session *s);

#endif
