/* request_body.h: the body of a request. */
#ifndef SSE_HTTP2_REQUEST_BODY_H
#define SSE_HTTP2_REQUEST_BODY_H

#include "session_types.h"

/* The head is whole, and a body comes. */
void sse_http2_request_begin_body(sse_http2_stream *t);
void sse_http2_request_add_body(sse_http2_stream *t, sse_slice bytes);
void sse_http2_request_end(sse_http2_stream *t);

/* Answers 413. */
void sse_http2_request_reject_body(sse_http2_stream *t);

#endif
