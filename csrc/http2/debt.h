/* debt.h: what the client owes; see sse_protocol. */
#ifndef SSE_HTTP2_DEBT_H
#define SSE_HTTP2_DEBT_H

#include "session_types.h"

sse_debt sse_http2_debt(const sse_connection *c);
void sse_http2_on_debt(sse_connection *c);

#endif
