/* request_head.h: the head of a request, field by field. */
#ifndef SSE_HTTP2_REQUEST_HEAD_H
#define SSE_HTTP2_REQUEST_HEAD_H

#include "session_types.h"

/* A field of the head. SSE_ETOOBIG: without measure. */
int sse_http2_request_add_field(sse_http2_stream *t, sse_slice name, sse_slice value);

/* The head is whole; with `last` the request is. */
void sse_http2_request_end_head(sse_http2_stream *t, bool last);

#endif
