/* http1_check.h: what the fields of a request head mean for its framing, and which
 * host its target names. */
#ifndef SSE_WIRE_HTTP1_CHECK_H
#define SSE_WIRE_HTTP1_CHECK_H

#include "http1.h"

/* Decides Host, body length, Connection, Expect and the target's form of a head whose lines are in
 * *head. */
int sse_http1_check_head(sse_http1_head *head, sse_http1_refusal *refusal);

/* The authority of a target in absolute-form; absent where the target has another form. */
sse_slice sse_http1_target_authority(sse_slice target);

#endif
