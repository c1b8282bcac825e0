/* request.h: the life of a request that arrives. */
#ifndef SSE_HTTP2_REQUEST_H
#define SSE_HTTP2_REQUEST_H

#include "session_types.h"

int sse_http2_reading_new(sse_http2_stream *t); /* SSE_ENOMEM */
void sse_http2_reading_free(sse_http2_stream *t);

/* Frees the text of the head, once it is parsed. */
void sse_http2_reading_free_text(sse_http2_reading *r);

#endif
