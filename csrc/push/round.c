#include "round.h"

#include "alike.h"
#include "delivery.h"
#include "follower.h"

#define DROPPED_BETWEEN_LOOKS 512
#define BETWEEN_LOOKS         16 /* followers served between two looks at the clock */

/* --- prefetching ------------------------------------------------------------------------------ */

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

/* Prefetches what the next few followers need. The objects of thousands of streams outgrow the
 * caches, and each follower leads to its connection by a chain of pointers: the chains are followed
 * side by side, so that the cache misses overlap. */
static void prefetch_streams(const sse_follower *f)
{
    const sse_exchange *x[BETWEEN_LOOKS];
    const sse_stream *s[BETWEEN_LOOKS];
    int n = 0;

    for (; f && n < BETWEEN_LOOKS; f = f->next, n++) {
        s[n] = f->stream;
        PREFETCH(s[n]);
    }
    for (int i = 0; i < n; i++) {
        x[i] = s[i]->exchange;
        PREFETCH(x[i]);
    }
    for (int i = 0; i < n; i++)
        PREFETCH(x[i]->session);
    for (int i = 0; i < n; i++) {
        if (x[i]->session)
            PREFETCH(x[i]->transport->connection(x[i]));
    }
}

/* --- dropping what is kept ------------------------------------------------------------------- */

static void drop_batches(sse_channel *c)
{
    sse_batches_drop(&c->batches);
    sse_alike_drop(&c->alike);
}

/* --- a round ---------------------------------------------------------------------------------- */

static void begin_round(sse_channel *c)
{
    sse_round *r = &c->round;

    r->target = c->log.next;
    c->now = sse_loop_now_us(c->loop);
    r->trims_to = sse_log_trims_to(&c->log, c->now);
    r->overtakes = false;
    r->owed_writable = r->owed_blocked = UINT64_MAX;
    r->next = c->followers;
}

/* Whether serving the follower may take long. */
static bool is_look_due(const sse_follower *f, const sse_round *r)
{
    return f->filter || f->cursor < r->trims_to || sse_follower_shares_stream(f);
}

/* Serves followers until the round is over or, where `sliced`, the turn's time is used up: returns
 * whether the round is over. A follower that the trim at the round's end would overtake is sent all
 * that its socket takes. */
static bool continue_round(sse_channel *c, size_t limit, bool sliced)
{
    sse_round *r = &c->round;

    c->now = sse_loop_now_us(c->loop);
    while (r->next) {
        prefetch_streams(r->next);
        for (int i = 0; i < BETWEEN_LOOKS && r->next; i++) {
            sse_follower *f = r->next;

            r->next = f->next;
            if (f->cursor >= r->trims_to && sse_delivery_serve_alike(f))
                continue;
            if (is_look_due(f, r))
                i = BETWEEN_LOOKS;
            sse_delivery_serve(f, f->cursor < r->trims_to ? SIZE_MAX : limit);
        }
        c->now = sse_loop_now_us(c->loop);
        if (sliced && r->next && sse_loop_slice_over(c->loop, c->now))
            return false;
    }
    return true;
}

/* Drops the events before a position, and what the slice leaves over in the next turns. */
static void drop_events(sse_channel *c, uint64_t before)
{
    c->drops_to = before;
    while (!sse_log_drop(&c->log, before, DROPPED_BETWEEN_LOOKS)) {
        if (sse_loop_slice_over(c->loop, sse_loop_now_us(c->loop))) {
            sse_loop_defer_work(c->loop, &c->cleanup);
            return;
        }
    }
    c->drops_to = 0;
}

/* Trims the log if all writable followers are at the head and no reader is about to read. Asks for
 * another round if that is not so, or if the trim has overtaken followers whose streams must end.
 */
static void end_round(sse_channel *c)
{
    sse_round *r = &c->round;
    uint64_t reached = r->target < r->owed_writable ? r->target : r->owed_writable;

    r->target = r->trims_to = 0;
    c->owed_writable = reached;
    c->owed_blocked = r->owed_blocked;
    drop_batches(c);
    if (reached < c->log.next && c->count > 0) {
        sse_loop_defer_work(c->loop, &r->run);
        return;
    }
    if (c->ready_readers > 0) { /* they have not had their turn yet: the next round trims */
        sse_loop_defer_work(c->loop, &r->run);
        return;
    }
    drop_events(c, sse_log_trims_to(&c->log, c->now));
    if (r->overtakes)
        sse_loop_defer_work(c->loop, &r->run);
}

/* Goes on with the round under way as long as the slice lasts. */
static void run_slice(sse_channel *c, size_t limit)
{
    if (continue_round(c, limit, true))
        end_round(c);
    else
        sse_loop_defer_work(c->loop, &c->round.run);
}

static void run_round(void *arg)
{
    sse_channel *c = arg;

    if (!c->round.target)
        begin_round(c);
    run_slice(c, SSE_DELIVERY_BYTES);
}

/* Runs a whole round at once, whatever time it takes. */
static void run_whole_round(sse_channel *c)
{
    begin_round(c);
    continue_round(c, SIZE_MAX, false);
    end_round(c);
}

/* --- before events leave the log -------------------------------------------------------------- */

/* While there are followers or readers the log may grow past its limits (it is stretched) until the
 * round at the end of the turn has served them and trims it. Only where a burst within one turn is
 * too large even for that are the followers served from here, so that none who reads loses an
 * event. Blocked followers are tried again then, once a turn, because the burst gives the loop no
 * chance to report that their sockets have room. */
void sse_round_before_append(sse_channel *c, size_t bytes)
{
    uint64_t turn = sse_loop_turns(c->loop), owed = c->owed_writable;

    c->now = sse_loop_now_us(c->loop);
    c->log.stretched = c->count > 0 || c->readers;
    if (c->count == 0)
        return;
    if (c->retried_turn != turn && c->owed_blocked < owed)
        owed = c->owed_blocked;
    if (sse_log_would_keep(&c->log, bytes, c->now) <= owed)
        return;
    c->retried_turn = turn;
    c->publishing = true;
    run_whole_round(c);
    c->publishing = false;
}

void sse_round_trim(sse_channel *c)
{
    c->now = sse_loop_now_us(c->loop);
    if (c->count > 0 || c->readers)
        sse_loop_defer_work(c->loop, &c->round.run);
    else
        drop_events(c, sse_log_trims_to(&c->log, c->now));
}

void sse_round_close(sse_channel *c)
{
    if (c->count == 0) {
        sse_loop_defer_work(c->loop, &c->cleanup);
    } else if (sse_loop_slice_over(c->loop, sse_loop_now_us(c->loop))) {
        sse_loop_defer_work(c->loop, &c->round.run);
    } else {
        begin_round(c);
        run_slice(c, SIZE_MAX);
    }
}

/* --- birth and end ---------------------------------------------------------------------------- */

/* Whether somebody is owed events before the position. */
static bool is_owed_before(const sse_channel *c, uint64_t position)
{
    return c->ready_readers > 0 ||
           (c->count > 0 && (c->owed_writable < position || c->owed_blocked < position));
}

/* Drops batches made outside of a round, the log of a closed channel whose last follower and reader
 * have left, and goes on to drop events. Somebody may have begun to read from the oldest of these
 * since: then the next round drops them. */
static void clean_up(void *arg)
{
    sse_channel *c = arg;

    drop_batches(c);
    if (c->closed && c->count == 0 && !c->readers)
        c->drops_to = c->log.next;
    else if (c->drops_to && is_owed_before(c, c->drops_to)) {
        c->drops_to = 0;
        sse_loop_defer_work(c->loop, &c->round.run);
    }
    if (c->drops_to)
        drop_events(c, c->drops_to);
}

void sse_round_init(sse_channel *c)
{
    c->owed_writable = c->log.next;
    c->owed_blocked = c->round.owed_blocked = UINT64_MAX;
    sse_deferred_init(&c->round.run, run_round, c);
    sse_deferred_init(&c->cleanup, clean_up, c);
}

void sse_round_restart(sse_channel *c)
{
    c->round.target = c->round.trims_to = 0;
    c->round.next = NULL;
    c->drops_to = 0;
    drop_batches(c);
}

void sse_round_stop(sse_channel *c)
{
    sse_loop_undefer(c->loop, &c->round.run);
    sse_loop_undefer(c->loop, &c->cleanup);
    drop_batches(c);
}
