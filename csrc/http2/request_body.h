/* request_body.h: the body of a request. */
#ifndef SSE_HTTP2_REQUEST_BODY_H
#define SSE_HTTP2_REQUEST_BODY_H

#include "session_types.h"

/* The head is parsed and a body follows: widens the window where it may, and starts body_timeout.
 */
void sse_http2_request_begin_body(sse_http2_stream *t);

/* Takes received bytes, and lets the client replace them on the connection's window, and on the
 * stream's as request_windows.h has it. Rejects requests past max_body_size, or past the bytes that
 * the session or the server may hold. */
void sse_http2_request_add_body(sse_http2_stream *t, sse_slice bytes);

/* END_STREAM came: the request is ready to be handed over. */
void sse_http2_request_end(sse_http2_stream *t);

/* Rejects the request with 413, because its body is larger than max_body_size. */
void sse_http2_request_reject_body(sse_http2_stream *t);

#endif
