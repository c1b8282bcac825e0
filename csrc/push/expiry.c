#include "expiry.h"

#include "../base/clock.h"

uint64_t sse_expiry_left(const sse_exchange *x)
{
    uint64_t left = SSE_NEVER, end = (uint64_t)x->expires_at * 1000, now = 0;

    if (x->lives_until) {
        int32_t life = (int32_t)(x->lives_until - (uint32_t)sse_loop_now(x->context->loop));

        left = life > 0 ? (uint64_t)life : 0;
    }
    if (end) {
        now = sse_clock_wall_ms();
        end = end > now ? end - now : 0;
        left = end < left ? end : left;
    }
    return left;
}

void sse_expiry_limit_life(sse_exchange *x, uint64_t ms)
{
    uint32_t end = (uint32_t)(sse_loop_now(x->context->loop) + ms);

    x->lives_until = end ? end : 1;
}
