/* schedule.h: when a session is flushed next, and what its deadlines are. */
#ifndef SSE_HTTP2_SCHEDULE_H
#define SSE_HTTP2_SCHEDULE_H

#include "session_types.h"

/* A flush is due. */
void sse_http2_schedule_flush(sse_http2_session *s);

/* The connection's deadline, after what is open now. */
void sse_http2_schedule_deadline(sse_http2_session *s);

/* The watch fires at `due` at the latest. */
void sse_http2_schedule_timer(sse_http2_session *s, uint64_t due);

#endif
