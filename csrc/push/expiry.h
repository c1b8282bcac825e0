/* expiry.h: when an event stream expires: at the end of its max_life, or at a time of day. An
 * exchange has room for both, which an exchange that is no event stream uses otherwise. */
#ifndef SSE_PUSH_EXPIRY_H
#define SSE_PUSH_EXPIRY_H

#include "../http/exchange_types.h"

#define SSE_NEVER UINT64_MAX

/* Milliseconds until the exchange of an event stream expires: 0 where it has, SSE_NEVER where it
 * does not. The system's clock is read anew each time, since it may be set. */
uint64_t sse_expiry_left(const sse_exchange *x);

/* Has the exchange expire `ms` from now, at most SSE_MAX_LIFE. */
void sse_expiry_limit_life(sse_exchange *x, uint64_t ms);

#endif
