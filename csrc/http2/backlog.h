/* backlog.h: how far a client is behind, stream by stream, and what is ended where the server holds
 * too much for it. See sse_protocol. */
#ifndef SSE_HTTP2_BACKLOG_H
#define SSE_HTTP2_BACKLOG_H

#include "session_types.h"

/* The sum of the connection's backlog and those of its streams. */
sse_backlog sse_http2_backlog(const sse_connection *c);

/* Ends the streams whose backlog is the largest, or more than half of that; or the whole connection
 * if the backlog of its own queue is larger still. They end with SSE_END_SLOW at the end of the
 * turn. */
void sse_http2_on_overload(sse_connection *c);

#endif
