/* gap.h: the event that tells a client what it may have missed. It has no id, so that the next
 * event's is the one the client keeps. */
#ifndef SSE_WIRE_GAP_H
#define SSE_WIRE_GAP_H

#include "frame.h"

#define SSE_MAX_QUOTED 256 /* bytes of the client's id that the event repeats */

/* A frame of the event of that type; its data is JSON {"lastEventId":...,"reason":...} and, where
 * channel is not absent, "channel". What is not UTF-8 becomes U+FFFD, and of a longer id the first
 * SSE_MAX_QUOTED bytes are repeated. SSE_EINVAL, SSE_ENOMEM. */
int sse_gap_frame(sse_slice type, sse_slice last_id, const char *reason, sse_slice channel,
                  sse_frame **out);

#endif
