#include "schedule.h"

void sse_http2_schedule_flush(sse_http2_session *s)
{
    s->flush_wanted = true;
    sse_connection_schedule_flush(s->connection);
}

void sse_http2_schedule_timer(sse_http2_session *s, uint64_t at)
{
    uint64_t now = sse_http2_now(s);

    if (sse_connection_ended(s->connection) || (s->timer.link && s->timer.due <= at))
        return;
    sse_timer_wheel_set(&sse_http2_context(s)->wheel, &s->timer, at > now ? at - now : 1);
}

void sse_http2_schedule_deadline(sse_http2_session *s)
{
    const sse_limits *limits = &sse_http2_context(s)->limits;

    if (s->partial_heads > 0)
        sse_connection_set_deadline(s->connection, limits->head_timeout);
    else if (s->stream_count == 0)
        sse_connection_set_deadline(s->connection, limits->idle_timeout);
    else
        sse_connection_set_deadline(s->connection, 0);
}
