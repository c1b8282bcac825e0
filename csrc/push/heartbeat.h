/* heartbeat.h: what event streams send after silence: a comment, or an event of a type that the
 * program chose. Each is one frame, which all streams of a server share. */
#ifndef SSE_PUSH_HEARTBEAT_H
#define SSE_PUSH_HEARTBEAT_H

#include "../http/context.h"
#include "../wire/frame.h"

#define SSE_MAX_HEARTBEATS 255 /* different types at a time on a server */

/* Takes a reference to the heartbeat with events of the type; absent: with comments. *number: what
 * a stream keeps of it. SSE_EINVAL: no type can have these bytes; SSE_EBUSY: there are too many
 * types; SSE_ENOMEM. */
int sse_heartbeat_hold(sse_context *context, sse_slice type, uint8_t *number);

/* Takes a further reference. */
void sse_heartbeat_share(sse_context *context, uint8_t number);

/* Drops a reference. */
void sse_heartbeat_drop(sse_context *context, uint8_t number);

/* The frame, which stays the heartbeat's. NULL: out of memory. */
sse_frame *sse_heartbeat_frame(sse_context *context, uint8_t number);

/* Frees what is left. */
void sse_heartbeats_free(sse_context *context);

#endif
