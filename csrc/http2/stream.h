/* stream.h: a stream's life. */
#ifndef SSE_HTTP2_STREAM_H
#define SSE_HTTP2_STREAM_H

#include "session_types.h"

sse_http2_stream *sse_http2_stream_new(sse_http2_session *s, int32_t id); /* NULL: out of memory */

/* Ends its exchange and frees it, at once: only for the connection's on_closed. */
void sse_http2_stream_free(sse_http2_stream *t, sse_reason reason);

/* The stream's exchange, if there is one, ends with the turn; the first reason counts. From now on
 * the stream takes nothing. Whoever holds the stream or the exchange may go on using them. */
void sse_http2_stream_end(sse_http2_stream *t, sse_reason reason);

/* The engine has let go of the stream: as sse_http2_stream_end, and it is freed with the turn. */
void sse_http2_stream_close(sse_http2_stream *t, sse_reason reason);

/* RST_STREAM, and nothing else any more. */
void sse_http2_stream_reset(sse_http2_stream *t, uint32_t error);

void sse_http2_stream_set_pending(sse_http2_stream *t);
void sse_http2_stream_clear_pending(sse_http2_stream *t);

/* What was to go of the answer doesn't. */
void sse_http2_stream_drop_response(sse_http2_stream *t);

#endif
