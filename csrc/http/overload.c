#include "overload.h"

#include "connection.h"

#define PASSES    4
#define STEADY_MS 100  /* who has taken something so lately is spared at first */
#define SPARED_MS 1000 /* for that long */

static sse_backlog backlog_of(const sse_connection *c)
{
    return c->protocol->backlog ? c->protocol->backlog(c) : sse_connection_backlog(c);
}

static int log2_of(uint64_t n)
{
    int log = 0;

    while (n >>= 1)
        log++;
    return log;
}

static void shed(sse_connection *c)
{
    if (c->protocol->on_overload) {
        c->protocol->on_overload(c);
        return;
    }
    c->context->count.overload_ends++;
    sse_connection_close(c, SSE_END_SLOW);
}

/* Ends those who owe at least that, as long as more than `low` is held. */
static void shed_from(sse_context *context, size_t low, uint64_t least)
{
    sse_connection *next = NULL;

    for (sse_connection *c = context->open; c && context->count.queued.held > low; c = next) {
        next = c->next;
        if (backlog_of(c).weight >= least)
            shed(c);
    }
}

/* Ends those who owe most, without sorting them: all above a power of two, and of those who owe
 * half of that or more as many as it takes. false: nobody owes anything. */
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

/* Whether it is still too much; if not, HTTP/2 requests that have waited are handed over. */
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

/* Many who read may ask for much at once: those who take it steadily are given a second, since
 * little more comes meanwhile: all sends to those who are behind are refused, and whole answers. */
static bool may_spare(const sse_context *context, uint64_t now)
{
    size_t most = context->limits.max_buffered;

    return now - context->overloaded_since < SPARED_MS &&
           context->count.queued.held - most < most / 2;
}

/* An eighth goes, so that this is not looked at in every turn. */
void sse_overload_shed(sse_context *context)
{
    size_t low = context->limits.max_buffered - context->limits.max_buffered / 8;
    uint64_t now = sse_loop_now(context->loop);

    if (!sse_context_full(context))
        return;
    if (!context->overloaded_since)
        context->overloaded_since = now;
    context->grace = may_spare(context, now) ? STEADY_MS : 0;
    sse_context_await_room(context);
    for (int i = 0; i < PASSES && sse_context_full(context); i++)
        if (!shed_heaviest(context, low))
            return;
    if (sse_context_full(context)) /* what many share goes with the last of them */
        sse_context_wake(context);
}
