/* stream.h: the life of a stream. All may be called from nghttp2's callbacks, but
 * sse_http2_stream_free. */
#ifndef SSE_HTTP2_STREAM_H
#define SSE_HTTP2_STREAM_H

#include "session_types.h"

/* A stream of the session, for a request that begins. NULL: out of memory. */
sse_http2_stream *sse_http2_stream_new(sse_http2_session *s, int32_t id);

/* Ends the stream's exchange and frees the stream at once. Only for the connection's on_closed. */
void sse_http2_stream_free(sse_http2_stream *t, sse_reason reason);

/* Ends the stream's exchange, if there is one, at the end of the turn; the first reason counts.
 * From now on the stream takes no response. Pointers to it and to the exchange stay valid until
 * then. */
void sse_http2_stream_end(sse_http2_stream *t, sse_reason reason);

/* nghttp2 has dropped the stream: ends it, takes it out of its session, and frees it at the end of
 * the turn. */
void sse_http2_stream_close(sse_http2_stream *t, sse_reason reason);

/* Submits RST_STREAM with an error code of HTTP/2; drops the request and what is not sent of the
 * response. */
void sse_http2_stream_reset(sse_http2_stream *t, uint32_t error);

/* Puts the stream into session->pending, or takes it out. Harmless when done already. */
void sse_http2_stream_set_pending(sse_http2_stream *t);
void sse_http2_stream_clear_pending(sse_http2_stream *t);

/* Drops what is not sent of the response: its head and its queue. */
void sse_http2_stream_drop_response(sse_http2_stream *t);

#endif
