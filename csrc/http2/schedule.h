/* schedule.h: when a session is flushed, and which deadlines it has. All may be called from
 * nghttp2's callbacks. */
#ifndef SSE_HTTP2_SCHEDULE_H
#define SSE_HTTP2_SCHEDULE_H

#include "session_types.h"

/* Flushes the connection at the end of the turn, or once its socket takes something again. */
void sse_http2_schedule_flush(sse_http2_session *s);

/* Restarts the connection's deadline: head_timeout while a request's head is incomplete,
 * idle_timeout without streams, none otherwise. */
void sse_http2_schedule_deadline(sse_http2_session *s);

/* Makes the session's timer fire at `at` (ms) or before. */
void sse_http2_schedule_timer(sse_http2_session *s, uint64_t at);

#endif
