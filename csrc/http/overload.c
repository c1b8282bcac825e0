#include "overload.h"

#include "connection.h"

#define PASSES       4
#define GRACE_MS     100  /* clients that took a byte within this time are spared, */
#define MAX_GRACE_MS 1000 /* until the context has been full for so long */

static sse_backlog backlog_of(const sse_connection *c)
{
    return c->protocol->backlog ? c->protocol->backlog(c) : sse_connection_backlog(c);
}

/* The index of the highest bit that is set; 0 for 0. */
static int log2_of(uint64_t n)
{
    int log = 0;

    while (n >>= 1)
        log++;
    return log;
}

/* Ends the connection, or those of its streams that are furthest behind. */
static void shed(sse_connection *c)
{
    if (c->protocol->on_overload) {
        c->protocol->on_overload(c);
        return;
    }
    c->context->count.overload_ends++;
    sse_connection_close(c, SSE_END_SLOW);
}

/* Sheds connections with a backlog of at least `least`, until no more than `low` bytes are held. */
static void shed_from(sse_context *context, size_t low, uint64_t least)
{
    sse_connection *next = NULL;

    for (sse_connection *c = context->open; c && context->count.queued.held > low; c = next) {
        next = c->next;
        if (backlog_of(c).weight >= least)
            shed(c);
    }
}

/* Sheds the connections with the heaviest backlogs until no more than `low` bytes are held. Instead
 * of sorting them, finds the power of two above which the backlogs hold enough: sheds all from its
 * double on, then as many as needed from the power itself on. False: no client has a backlog. */
static bool shed_heaviest(sse_context *context, size_t low)
{
    size_t held[64] = { 0 }, sum = 0, need = context->count.queued.held - low;
    int log = 63;

    for (sse_connection *c = context->open; c; c = c->next) {
        sse_backlog backlog = backlog_of(c);

        held[log2_of(backlog.weight)] += backlog.bytes;
    }
    while (log > 0 && sum + held[log] < need)
        sum += held[log--];
    if (sum + held[log] == 0)
        return false;
    if (log < 63)
        shed_from(context, low, (uint64_t)2 << log);
    shed_from(context, low, (uint64_t)1 << log);
    return true;
}

/* While the context is full, has the end of the turn shed again. Otherwise tells the connections
 * that there is room: HTTP/2 sessions hand over requests that waited for it. */
static void on_recheck(sse_deadline *d)
{
    sse_context *context = SSE_CONTAINER_OF(d, sse_context, overload_timer);

    if (sse_context_full(context)) {
        sse_context_wake(context);
        return;
    }
    context->overloaded_since = 0;
    for (sse_connection *c = context->open; c; c = c->next)
        if (c->protocol->on_room)
            c->protocol->on_room(c);
}

void sse_overload_init(sse_context *context)
{
    context->overload_timer.call = on_recheck;
}

/* Whether clients that take bytes steadily are spared: for a second, while less than one and a half
 * times max_pending_total is held. Many may have asked for much at once, and little is added
 * meanwhile, because a full context refuses whole responses and all sends to clients that are
 * behind. */
static bool may_spare(const sse_context *context, uint64_t now)
{
    size_t most = context->limits.max_pending_total;

    return now - context->overloaded_since < MAX_GRACE_MS &&
           context->count.queued.held - most < most / 2;
}

void sse_overload_shed(sse_context *context)
{
    size_t most = context->limits.max_pending_total;
    size_t low = most - most / 8; /* so much lower that the next turns have nothing to do */
    uint64_t now = sse_loop_now(context->loop);

    if (!sse_context_full(context))
        return;
    if (!context->overloaded_since)
        context->overloaded_since = now;
    context->grace = may_spare(context, now) ? GRACE_MS : 0;
    sse_context_await_room(context);
    for (int i = 0; i < PASSES && sse_context_full(context); i++)
        if (!shed_heaviest(context, low))
            return;
    if (sse_context_full(context)) /* shared frames are freed with the last one that holds them */
        sse_context_wake(context);
}
