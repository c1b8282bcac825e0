/* reader.h: a request's reader is made and freed. */
#ifndef SSE_HTTP2_READER_H
#define SSE_HTTP2_READER_H

#include "session_types.h"

/* Gives the stream a reader, the newest of the session. SSE_ENOMEM. */
int sse_http2_reader_new(sse_http2_stream *t);

/* Frees the stream's reader, if it has one, and drops its request. The window of the session's
 * oldest body that is still received is opened. */
void sse_http2_reader_free(sse_http2_stream *t);

/* Frees the texts of the head, once it is parsed. */
void sse_http2_reader_free_head(sse_http2_reader *r);

#endif
