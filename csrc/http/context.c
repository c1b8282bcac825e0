#include "../base/process.h"
#include "../wire/deflater.h"
#include "bodies.h"
#include "connection.h"
#include "response_fields.h"

#define FLUSHES_A_TURN 512 /* then accepts, timers and other sockets have their turn */

/* What becomes dirty meanwhile waits for the next turn: a callback that answers each drain with
 * more must not keep the loop here. */
static void flush_dirty(sse_pool *pool)
{
    size_t n = pool->dirty_count < FLUSHES_A_TURN ? pool->dirty_count : FLUSHES_A_TURN;

    while (n-- > 0 && pool->dirty) {
        sse_connection *c = pool->dirty;

        pool->dirty = c->next_dirty;
        if (!pool->dirty)
            pool->dirty_tail = &pool->dirty;
        pool->dirty_count--;
        c->dirty = false;
        sse_connection_write(c);
    }
    if (pool->dirty)
        sse_pool_wake(pool);
}

static void free_dead(sse_pool *pool)
{
    sse_connection *next = NULL;

    for (sse_connection *c = pool->dead; c; c = next) {
        next = c->next;
        if (c->dirty)
            continue; /* it is on that list too: when its turn has come */
        *c->link = c->next;
        if (c->next)
            c->next->link = c->link;
        c->protocol->on_closed(c, (sse_reason)c->reason);
        if (pool->on_connection_gone)
            pool->on_connection_gone(pool->user, c);
        sse_slab_give(&pool->connections, c);
    }
}

/* --- who is furthest behind ------------------------------------------------------------------- */

#define RELIEF_PASSES 4
#define STEADY_MS     100  /* who has taken something so lately is spared at first */
#define SPARED_MS     1000 /* for that long */

sse_debt sse_pool_debt(const sse_pool *pool, size_t held, uint64_t due)
{
    uint64_t now = sse_loop_now(pool->loop), most = pool->limits.write_timeout;
    uint64_t left = due > now ? due - now : 0, late = left < most ? most - left : 0;

    if (late < pool->spared)
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
    c->pool->count.overflowed++;
    sse_connection_close(c, SSE_END_SLOW);
}

/* Ends those who owe at least that, as long as more than `low` is held. */
static void call_in_from(sse_pool *pool, size_t low, uint64_t least)
{
    sse_connection *next = NULL;

    for (sse_connection *c = pool->open; c && pool->count.queued.held > low; c = next) {
        next = c->next;
        if (debt_of(c).owed >= least)
            call_in(c);
    }
}

/* Ends those who owe most, without sorting them: all above a power of two, and of those who owe
 * half of that or more as many as it takes. false: nobody owes anything. */
static bool call_in_most(sse_pool *pool, size_t low)
{
    size_t held[64] = { 0 }, sum = 0, need = pool->count.queued.held - low;
    int log = 63;

    for (sse_connection *c = pool->open; c; c = c->next) {
        sse_debt debt = debt_of(c);

        held[log2_of(debt.owed)] += debt.held;
    }
    while (log > 0 && sum + held[log] < need)
        sum += held[log--];
    if (sum + held[log] == 0)
        return false;
    if (log < 63)
        call_in_from(pool, low, (uint64_t)2 << log);
    call_in_from(pool, low, (uint64_t)1 << log);
    return true;
}

void sse_pool_await_room(sse_pool *pool)
{
    if (!pool->relief.link)
        sse_wheel_set(&pool->wheel, &pool->relief, STEADY_MS);
}

/* Whether it is still too much; if not, HTTP/2 requests that have waited are handed over. */
static void on_relief(sse_deadline *d)
{
    sse_pool *pool = SSE_OWNER(d, sse_pool, relief);

    if (sse_pool_full(pool)) {
        sse_pool_wake(pool);
        return;
    }
    pool->full_since = 0;
    for (sse_connection *c = pool->open; c; c = c->next)
        if (c->protocol->on_room)
            c->protocol->on_room(c);
}

/* Many who read may ask for much at once: those who take it steadily are given a second, since
 * little more comes meanwhile: all sends to those who are behind are refused, and whole answers. */
static bool may_spare(const sse_pool *pool, uint64_t now)
{
    size_t most = pool->limits.max_buffered;

    return now - pool->full_since < SPARED_MS && pool->count.queued.held - most < most / 2;
}

/* More is held than may be: an eighth of it goes, so that this is not looked at in every turn. */
static void relieve(sse_pool *pool)
{
    size_t low = pool->limits.max_buffered - pool->limits.max_buffered / 8;
    uint64_t now = sse_loop_now(pool->loop);

    if (!sse_pool_full(pool))
        return;
    if (!pool->full_since)
        pool->full_since = now;
    pool->spared = may_spare(pool, now) ? STEADY_MS : 0;
    sse_pool_await_room(pool);
    for (int i = 0; i < RELIEF_PASSES && sse_pool_full(pool); i++)
        if (!call_in_most(pool, low))
            return;
    if (sse_pool_full(pool)) /* what many share goes with the last of them */
        sse_pool_wake(pool);
}

/* The one place where connections, exchanges, event streams and followers are freed, and where what
 * a peer did ends an exchange: no caller holds one here. Each step may leave work for the next one,
 * so their order matters; the calls to the user come when nothing but followers is left to free. */
static void end_turn(void *arg)
{
    sse_pool *pool = arg;

    sse_bodies_relieve(pool);
    flush_dirty(pool);
    relieve(pool);
    if (pool->http2_ending)
        pool->end_http2_streams(pool);
    free_dead(pool);
    if (pool->on_turn_end)
        pool->on_turn_end(pool);
    if (pool->left)
        pool->free_left(pool);
}

/* A forked child has the parent's listener, too, but none of its clients. */
static void cut_off_all(void *arg, int dead)
{
    sse_pool *pool = arg;

    for (sse_connection *c = pool->open; c; c = c->next)
        sse_cut_off(c->fd, dead);
}

void sse_pool_init(sse_pool *pool, sse_loop *loop, const sse_limits *limits)
{
    pool->loop = loop;
    pool->limits = *limits;
    pool->ended_tail = &pool->ended;
    pool->dirty_tail = &pool->dirty;
    sse_wheel_init(&pool->wheel, loop);
    pool->relief.call = on_relief;
    sse_deferred_init(&pool->turn_end, end_turn, pool);
    sse_loop_at_fork(loop, &pool->at_fork, cut_off_all, pool);
}

void sse_pool_wake(sse_pool *pool)
{
    sse_loop_defer(pool->loop, &pool->turn_end);
}

void sse_pool_close_all(sse_pool *pool)
{
    while (pool->open) {
        sse_connection *c = pool->open;

        if (c->protocol->on_closing)
            c->protocol->on_closing(c);
        if (sse_connection_pending(c) > 0 || c->protocol->on_closing)
            sse_connection_flush(c, false);
        sse_connection_close(c, SSE_END_SERVER);
    }
}

void sse_pool_drain(sse_pool *pool, uint64_t within, uint64_t retry)
{
    sse_connection *next = NULL;

    if (pool->draining.on)
        return;
    pool->draining =
        (sse_draining){ true, sse_loop_now(pool->loop) + within, within, retry, pool->count.streams,
                        0 };
    for (sse_connection *c = pool->open; c; c = next) {
        next = c->next;
        if (c->protocol->on_drain)
            c->protocol->on_drain(c);
        else /* nobody has said yet what he speaks */
            sse_connection_deadline(c, SSE_UNUSED_MS);
    }
}

/* Made once a second. */
const char *sse_pool_date(sse_pool *pool)
{
    time_t now = time(NULL);

    if (now != pool->date_second)
        sse_http1_format_date(now, pool->date, sizeof pool->date);
    pool->date_second = now;
    return pool->date;
}

void sse_pool_free(sse_pool *pool)
{
    while (!sse_pool_settled(pool))
        end_turn(pool);
    sse_loop_undefer(pool->loop, &pool->turn_end);
    sse_loop_not_at_fork(&pool->at_fork);
    sse_wheel_stop(&pool->wheel);
    sse_slab_free(&pool->connections);
    sse_slab_free(&pool->sessions);
    sse_slab_free(&pool->exchanges);
    sse_slab_free(&pool->streams);
    sse_slab_free(&pool->packed_streams);
    sse_deflater_free(pool->deflater);
    sse_slab_free(&pool->http2_streams);
    sse_slab_free(&pool->followers);
}
