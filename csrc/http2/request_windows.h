/* request_windows.h: the flow-control windows of requests. */
#ifndef SSE_HTTP2_REQUEST_WINDOWS_H
#define SSE_HTTP2_REQUEST_WINDOWS_H

#include "session_types.h"

/* All bodies of a connection that arrive hold at most four units of max_body (256 KiB at least):
 * one that they gather before only the oldest is given more room, so that one is whole sooner or
 * later; one of windows that requests begin with, if the client keeps to its SETTINGS; one of wider
 * windows that the first few get; and the oldest body. Of a client that does not keep to them the
 * newest are refused. */
size_t sse_http2_body_unit(const sse_limits *limits);

/* The window that a request begins with: SETTINGS_INITIAL_WINDOW_SIZE. */
uint32_t sse_http2_initial_window(const sse_limits *limits);

/* The client has more room from the beginning where not many send. */
void sse_http2_widen_window(sse_http2_stream *t);

/* n bytes of the body were taken. */
void sse_http2_consume_window(sse_http2_reader *r, size_t n);

/* The oldest body goes on, whatever the others hold. */
void sse_http2_release_oldest_window(sse_http2_session *s);

#endif
