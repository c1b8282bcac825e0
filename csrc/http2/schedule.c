#include "schedule.h"

void sse_http2_wake(sse_http2 *s)
{
    s->wanted = true;
    sse_connection_wake(s->connection);
}

void sse_http2_watch(sse_http2 *s, uint64_t due)
{
    uint64_t now = sse_http2_now(s);

    if (sse_connection_ended(s->connection) || (s->watch.link && s->watch.due <= due))
        return;
    sse_timer_wheel_set(&sse_http2_context(s)->wheel, &s->watch, due > now ? due - now : 1);
}

void sse_http2_set_deadline(sse_http2 *s)
{
    const sse_limits *limits = &sse_http2_context(s)->limits;

    if (s->heads > 0)
        sse_connection_deadline(s->connection, limits->head_timeout);
    else if (s->count == 0)
        sse_connection_deadline(s->connection, limits->idle_timeout);
    else
        sse_connection_deadline(s->connection, 0);
}
