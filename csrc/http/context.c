#include "context.h"

#include "response_fields.h"

#define RECHECK_MS 100 /* until a full context is looked at again */

void sse_context_init(sse_context *context, sse_loop *loop, const sse_limits *limits,
                      void (*end_turn)(void *context))
{
    context->loop = loop;
    context->limits = *limits;
    context->ended_tail = &context->ended;
    context->recorded_tail = &context->recorded;
    context->to_flush_tail = &context->to_flush;
    sse_timer_wheel_init(&context->wheel, loop);
    sse_deferred_init(&context->turn_end, end_turn, context);
}

void sse_context_wake(sse_context *context)
{
    sse_loop_defer(context->loop, &context->turn_end);
}

const char *sse_context_date(sse_context *context)
{
    time_t now = time(NULL);

    if (now != context->date_second)
        sse_response_format_date(now, context->date, sizeof context->date);
    context->date_second = now;
    return context->date;
}

sse_backlog sse_context_backlog(const sse_context *context, size_t bytes, uint64_t due)
{
    uint64_t now = sse_loop_now(context->loop), most = context->limits.write_timeout;
    uint64_t left = due > now ? due - now : 0;
    uint64_t silent = left < most ? most - left : 0; /* ms since the client took a byte */

    if (silent < context->grace)
        return (sse_backlog){ 0 };
    return (sse_backlog){ (uint64_t)bytes * (silent + 1), bytes };
}

void sse_context_await_room(sse_context *context)
{
    if (!context->overload_timer.link)
        sse_timer_wheel_set(&context->wheel, &context->overload_timer, RECHECK_MS);
}
