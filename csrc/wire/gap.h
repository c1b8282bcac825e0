/* gap.h: the event that tells a client that it may have missed events. It has no id, so that the
 * client's last event id stays until the next event. */
#ifndef SSE_WIRE_GAP_H
#define SSE_WIRE_GAP_H

#include "frame.h"

#define SSE_MAX_GAP_ID 256 /* bytes of the client's id that are repeated */

/* Makes a frame of an event of that type, whose data is JSON: {"lastEventId":...,"reason":...} and,
 * where `channel` is not absent, "channel". Bytes that are not UTF-8 become U+FFFD. Of last_id at
 * most SSE_MAX_GAP_ID bytes are repeated. SSE_EINVAL: a bad type; SSE_ENOMEM. */
int sse_gap_frame(sse_slice type, sse_slice last_id, const char *reason, sse_slice channel,
                  sse_frame **out);

#endif
