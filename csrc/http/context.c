#include "../base/process.h"
#include "../wire/deflater.h"
#include "bodies.h"
#include "connection.h"
#include "response_fields.h"

#define FLUSHES_A_TURN 512 /* then accepts, timers and other sockets have their turn */

/* What becomes dirty meanwhile waits for the next turn: a callback that answers each drain with
 * more must not keep the loop here. */
static void flush_dirty(sse_context *context)
{
    size_t n = context->dirty_count < FLUSHES_A_TURN ? context->dirty_count : FLUSHES_A_TURN;

    while (n-- > 0 && context->dirty) {
        sse_connection *c = context->dirty;

        context->dirty = c->next_dirty;
        if (!context->dirty)
            context->dirty_tail = &context->dirty;
        context->dirty_count--;
        c->dirty = false;
        sse_connection_write(c);
    }
    if (context->dirty)
        sse_context_wake(context);
}

static void free_dead(sse_context *context)
{
    sse_connection *next = NULL;

    for (sse_connection *c = context->dead; c; c = next) {
        next = c->next;
        if (c->dirty)
            continue; /* it is on that list too: when its turn has come */
        *c->link = c->next;
        if (c->next)
            c->next->link = c->link;
        c->protocol->on_closed(c, (sse_reason)c->reason);
        if (context->on_connection_gone)
            context->on_connection_gone(context->user, c);
        sse_slab_give(&context->connections, c);
    }
}

/* --- who is furthest behind ------------------------------------------------------------------- */

#define RELIEF_PASSES 4
#define STEADY_MS     100  /* who has taken something so lately is spared at first */
#define SPARED_MS     1000 /* for that long */

sse_debt sse_context_debt(const sse_context *context, size_t held, uint64_t due)
{
    uint64_t now = sse_loop_now(context->loop), most = context->limits.write_timeout;
    uint64_t left = due > now ? due - now : 0, late = left < most ? most - left : 0;

    if (late < context->spared)
        return (sse_debt){ 0 };
    return (sse_debt){ (uint64_t)held * (late + 1), held };
}

static sse_debt debt_of(const sse_connection *c)
{
    return c->protocol->debt ? c->protocol->debt(c) : sse_connection_debt(c);
}

static int log2_of(uint64_t n)
{
    int log = 0;

    while (n >>= 1)
        log++;
    return log;
}

static void call_in(sse_connection *c)
{
    if (c->protocol->on_debt) {
        c->protocol->on_debt(c);
        return;
    }
    c->context->count.overflowed++;
    sse_connection_close(c, SSE_END_SLOW);
}

/* Ends those who owe at least that, as long as more than `low` is held. */
static void call_in_from(sse_context *context, size_t low, uint64_t least)
{
    sse_connection *next = NULL;

    for (sse_connection *c = context->open; c && context->count.queued.held > low; c = next) {
        next = c->next;
        if (debt_of(c).owed >= least)
            call_in(c);
    }
}

/* Ends those who owe most, without sorting them: all above a power of two, and of those who owe
 * half of that or more as many as it takes. false: nobody owes anything. */
static bool call_in_most(sse_context *context, size_t low)
{
    size_t held[64] = { 0 }, sum = 0, need = context->count.queued.held - low;
    int log = 63;

    for (sse_connection *c = context->open; c; c = c->next) {
        sse_debt debt = debt_of(c);

        held[log2_of(debt.owed)] += debt.held;
    }
    while (log > 0 && sum + held[log] < need)
        sum += held[log--];
    if (sum + held[log] == 0)
        return false;
    if (log < 63)
        call_in_from(context, low, (uint64_t)2 << log);
    call_in_from(context, low, (uint64_t)1 << log);
    return true;
}

void sse_context_await_room(sse_context *context)
{
    if (!context->relief.link)
        sse_timer_wheel_set(&context->wheel, &context->relief, STEADY_MS);
}

/* Whether it is still too much; if not, HTTP/2 requests that have waited are handed over. */
static void on_relief(sse_deadline *d)
{
    sse_context *context = SSE_OWNER(d, sse_context, relief);

    if (sse_context_full(context)) {
        sse_context_wake(context);
        return;
    }
    context->full_since = 0;
    for (sse_connection *c = context->open; c; c = c->next)
        if (c->protocol->on_room)
            c->protocol->on_room(c);
}

/* Many who read may ask for much at once: those who take it steadily are given a second, since
 * little more comes meanwhile: all sends to those who are behind are refused, and whole answers. */
static bool may_spare(const sse_context *context, uint64_t now)
{
    size_t most = context->limits.max_buffered;

    return now - context->full_since < SPARED_MS && context->count.queued.held - most < most / 2;
}

/* More is held than may be: an eighth of it goes, so that this is not looked at in every turn. */
static void relieve(sse_context *context)
{
    size_t low = context->limits.max_buffered - context->limits.max_buffered / 8;
    uint64_t now = sse_loop_now(context->loop);

    if (!sse_context_full(context))
        return;
    if (!context->full_since)
        context->full_since = now;
    context->spared = may_spare(context, now) ? STEADY_MS : 0;
    sse_context_await_room(context);
    for (int i = 0; i < RELIEF_PASSES && sse_context_full(context); i++)
        if (!call_in_most(context, low))
            return;
    if (sse_context_full(context)) /* what many share goes with the last of them */
        sse_context_wake(context);
}

/* The one place where connections, exchanges, event streams and followers are freed, and where what
 * a peer did ends an exchange: no caller holds one here. Each step may leave work for the next one,
 * so their order matters; the calls to the user come when nothing but followers is left to free. */
static void end_turn(void *arg)
{
    sse_context *context = arg;

    sse_bodies_relieve(context);
    flush_dirty(context);
    relieve(context);
    if (context->http2_ending)
        context->end_http2_streams(context);
    free_dead(context);
    if (context->on_turn_end)
        context->on_turn_end(context);
    if (context->left)
        context->free_left(context);
}

/* A forked child has the parent's listener, too, but none of its clients. */
static void cut_off_all(void *arg, int dead)
{
    sse_context *context = arg;

    for (sse_connection *c = context->open; c; c = c->next)
        sse_cut_off(c->fd, dead);
}

void sse_context_init(sse_context *context, sse_loop *loop, const sse_limits *limits)
{
    context->loop = loop;
    context->limits = *limits;
    context->ended_tail = &context->ended;
    context->dirty_tail = &context->dirty;
    sse_timer_wheel_init(&context->wheel, loop);
    context->relief.call = on_relief;
    sse_deferred_init(&context->turn_end, end_turn, context);
    sse_loop_at_fork(loop, &context->at_fork, cut_off_all, context);
}

void sse_context_wake(sse_context *context)
{
    sse_loop_defer(context->loop, &context->turn_end);
}

void sse_context_close_all(sse_context *context)
{
    while (context->open) {
        sse_connection *c = context->open;

        if (c->protocol->on_closing)
            c->protocol->on_closing(c);
        if (sse_connection_pending(c) > 0 || c->protocol->on_closing)
            sse_connection_flush(c, false);
        sse_connection_close(c, SSE_END_SERVER);
    }
}

void sse_context_drain(sse_context *context, uint64_t within, uint64_t retry)
{
    sse_connection *next = NULL;

    if (context->draining.on)
        return;
    context->draining = (sse_draining){
        true, sse_loop_now(context->loop) + within, within, retry, context->count.streams, 0
    };
    for (sse_connection *c = context->open; c; c = next) {
        next = c->next;
        if (c->protocol->on_drain)
            c->protocol->on_drain(c);
        else /* nobody has said yet what he speaks */
            sse_connection_deadline(c, SSE_UNUSED_MS);
    }
}

/* Made once a second. */
const char *sse_context_date(sse_context *context)
{
    time_t now = time(NULL);

    if (now != context->date_second)
        sse_response_format_date(now, context->date, sizeof context->date);
    context->date_second = now;
    return context->date;
}

void sse_context_free(sse_context *context)
{
    while (!sse_context_settled(context))
        end_turn(context);
    sse_loop_undefer(context->loop, &context->turn_end);
    sse_loop_not_at_fork(&context->at_fork);
    sse_timer_wheel_stop(&context->wheel);
    sse_slab_free(&context->connections);
    sse_slab_free(&context->sessions);
    sse_slab_free(&context->exchanges);
    sse_slab_free(&context->streams);
    sse_slab_free(&context->compressed_streams);
    sse_deflater_free(context->deflater);
    sse_slab_free(&context->http2_streams);
    sse_slab_free(&context->followers);
}
