/* receive.h: from a client's bytes to whole requests, which go to context->on_request one after the
 * other. */
#ifndef SSE_HTTP1_RECEIVE_H
#define SSE_HTTP1_RECEIVE_H

#include "session_types.h"

/* Takes bytes that have arrived: parses them and hands whole requests over, or buffers them where a
 * request is being answered. May close or finish the connection. */
void sse_http1_receive(sse_http1_session *s, const char *bytes, size_t len);

/* Goes on with what is buffered. For when no request is being answered and every byte of the last
 * response was written. */
void sse_http1_receive_next(sse_http1_session *s);

/* Rejects a request whose head is in `bytes`, not whole or not well-formed. */
void sse_http1_reject_head(sse_http1_session *s, int status, const char *reason, sse_slice bytes);

#endif
