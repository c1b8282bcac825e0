/* reader.h: the life of a request that arrives. */
#ifndef SSE_HTTP2_READER_H
#define SSE_HTTP2_READER_H

#include "session_types.h"

int sse_http2_reader_new(sse_http2_stream *t); /* SSE_ENOMEM */
void sse_http2_reader_free(sse_http2_stream *t);

/* Frees the text of the head, once it is parsed. */
void sse_http2_reader_free_head(sse_http2_reader *r);

#endif
