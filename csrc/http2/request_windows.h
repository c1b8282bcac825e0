/* request_windows.h: flow control of requests' bodies. All bodies that a session receives hold at
 * most four units, where a unit is max_body_size, or 256 KiB if that is more:
 *
 * - one unit that all of them may gather before only the oldest one's window is opened further, so
 *   that one becomes whole sooner or later;
 * - one unit of the windows that requests begin with, as SETTINGS_INITIAL_WINDOW_SIZE says;
 * - one unit of wider windows, which the first few requests get;
 * - one unit of the oldest body.
 *
 * A client that ignores its SETTINGS exceeds this: then the newest bodies are rejected. */
#ifndef SSE_HTTP2_REQUEST_WINDOWS_H
#define SSE_HTTP2_REQUEST_WINDOWS_H

#include "session_types.h"

/* Bytes of a unit. */
size_t sse_http2_body_unit(const sse_limits *limits);

/* SETTINGS_INITIAL_WINDOW_SIZE: a unit shared by max_concurrent_requests, from 1 KiB to 64 KiB - 1.
 */
uint32_t sse_http2_initial_window(const sse_limits *limits);

/* Widens the window of a new request to 64 KiB - 1, while the unit for wide windows lasts. */
void sse_http2_widen_window(sse_http2_stream *t);

/* n bytes of body were received: opens the stream's window for as many more, or withholds them
 * while the session has gathered its unit and this body is not the oldest. */
void sse_http2_consume_window(sse_http2_reader *r, size_t n);

/* Opens the window of the oldest body that is still received by all that was withheld from it. */
void sse_http2_release_oldest_window(sse_http2_session *s);

#endif
