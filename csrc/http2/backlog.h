/* backlog.h: how far a client is behind (sse_protocol). */
#ifndef SSE_HTTP2_BACKLOG_H
#define SSE_HTTP2_BACKLOG_H

#include "session_types.h"

sse_backlog sse_http2_backlog(const sse_connection *c);
void sse_http2_on_overload(sse_connection *c);

#endif
