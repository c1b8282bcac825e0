/* request_head.h: the head of a request: from the fields that nghttp2 decodes to a request. */
#ifndef SSE_HTTP2_REQUEST_HEAD_H
#define SSE_HTTP2_REQUEST_HEAD_H

#include "session_types.h"

/* Takes a decoded field of the head, or of the trailers, which are counted and dropped. Ignored
 * where the stream has no reader any more. SSE_ETOOBIG: the fields exceed
 * sse_http2_max_field_bytes. */
int sse_http2_request_add_field(sse_http2_stream *t, sse_slice name, sse_slice value);

/* The header block is whole: parses it, or rejects the request. `last`: END_STREAM came with it, so
 * that the request is whole. */
void sse_http2_request_end_head(sse_http2_stream *t, bool last);

#endif
