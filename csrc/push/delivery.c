#include "delivery.h"

#include "alike.h"
#include "compressor.h"
#include "follower.h"
#include "gap.h"
#include "lists.h"
#include "place.h"
#include "selection.h"

/* Microseconds that a follower with a filter has that is sent what the log holds, before it is the
 * others' turn; and where newer events wait for those. */
#define REPLAY_US      1000
#define BUSY_REPLAY_US 100

const uint64_t sse_delay_bounds[SSE_DELAYS - 1] = { 100,    250,    500,     1000,    2500,
                                                    5000,   10000,  25000,   50000,   100000,
                                                    250000, 500000, 1000000, 2500000, 10000000 };

/* --- sending one batch ------------------------------------------------------------------------ */

/* Counts the events of one frame, all with the delay of its first, which was `published` at that
 * time (microseconds). The search begins at the bucket of the count before, since the followers of
 * a round are served within a short time. */
static void count_delay(sse_channel *c, uint64_t published, uint32_t events)
{
    uint64_t delay = c->now > published ? c->now - published : 0;
    unsigned i = c->delay_bucket;

    if (i > 0 && delay <= sse_delay_bounds[i - 1])
        i = 0;
    while (i < SSE_DELAYS - 1 && delay > sse_delay_bounds[i])
        i++;
    c->delay_bucket = i;
    c->counters.delays[i] += events;
    c->counters.delay_sum += delay * events;
}

static void count_sent(sse_follower *f, const sse_frame *frame)
{
    sse_channel *c = f->channel;

    c->counters.delivered += frame->events;
    c->counters.bytes += frame->payload;
    f->stream->last_sent = (uint32_t)(c->now / 1000);
    if (f->live)
        count_delay(c, sse_log_at(&c->log, f->cursor)->time, frame->events);
}

/* A batch is kept for other followers: the end of the round drops it, or outside of a round the end
 * of the turn. */
static void note_kept(sse_channel *c)
{
    if (!c->round.target)
        sse_loop_defer_work(c->loop, &c->cleanup);
}

/* Gets a batch that other followers share. page: that holds the events; NULL: the channel's log
 * does. */
static int get_shared_batch(const sse_follower *f, sse_page *page, sse_frame **out, uint64_t *to)
{
    sse_channel *c = f->channel;

    if (page)
        return sse_batches_get(&page->batches, &page->log, f->cursor, out, to);
    note_kept(c);
    return sse_batches_get(&c->batches, &c->log, f->cursor, out, to);
}

/* Gets a batch for a follower with a filter or several channels. Without a filter, streams that
 * stand alike share it. */
static int get_own_batch(sse_follower *f, const sse_page *page, uint64_t until, sse_frame **out,
                         uint64_t *to, size_t *looked)
{
    sse_channel *c = f->channel;
    int code = SSE_OK;

    if (f->filter || page)
        return sse_selection_make(f, page ? &page->log : &c->log, until, out, to, looked);
    *out = sse_alike_find(c->alike, f, to);
    if (*out) {
        sse_place_note_told(f->stream);
        return SSE_OK;
    }
    code = sse_selection_make(f, &c->log, until, out, to, looked);
    if (*out && c->count > 1) {
        note_kept(c);
        sse_alike_keep(&c->alike, f, *out, *to);
    }
    return code;
}

/* Whether the follower gets frames of its own instead of those that others share. */
static bool has_own_frames(const sse_follower *f)
{
    return f->filter || sse_follower_shares_stream(f);
}

/* Sends the events from the follower's cursor to `to` in one frame (NULL: no event of them is for
 * it), and moves the cursor. dictionary: see sse_stream_push. false: the client takes no more now,
 * or nothing can be sent any more. */
static inline bool push_batch(sse_follower *f, sse_frame *frame, const sse_dictionary *dictionary,
                              uint64_t to)
{
    int code = frame ? sse_stream_push(f->stream, frame, dictionary) : SSE_OK;

    if (!code || code == SSE_EAGAIN) {
        if (frame)
            count_sent(f, frame);
        f->cursor = to;
    } else if (code != SSE_ECLOSED) {
        sse_follower_end_stream(f, SSE_END_ERROR);
    }
    return !code;
}

/* Sends the batch at the follower's cursor, from a page unless that is NULL, and moves the cursor
 * behind the batch. Adds to *sent its bytes, or those of all events that a filter was asked about:
 * none once the clock is at `until`. false: as push_batch. */
static bool send_batch(sse_follower *f, sse_page *page, uint64_t until, size_t *sent)
{
    sse_frame *frame = NULL;
    uint64_t to = 0;
    size_t looked = 0;
    bool own = has_own_frames(f), more = false;
    sse_dictionary dictionary = { &f->channel->log, f->cursor };
    int code = own ? get_own_batch(f, page, until, &frame, &to, &looked)
                   : get_shared_batch(f, page, &frame, &to);

    if (!code)
        more = push_batch(f, frame, own || page ? NULL : &dictionary, to);
    else if (code != SSE_ECLOSED)
        sse_follower_end_stream(f, SSE_END_ERROR);
    if (frame && !looked) /* a frame that is shared */
        looked = frame->payload;
    *sent += looked;
    if (!own)
        f->untold = 0;
    sse_frame_unref(frame);
    return more;
}

/* --- blocked and slow followers --------------------------------------------------------------- */

/* Whether the log has dropped events that the follower was not sent, and that can't be read
 * again. What a window drops is read from the store. */
static bool has_lost(const sse_follower *f)
{
    return !f->channel->window && sse_log_overtook(&f->channel->log, f->cursor);
}

/* Whether the follower can be sent the next event: not where it is slow, and now ended or blocked
 * by its gap event. A follower whose client takes bytes may be any number of bytes behind. */
static bool can_continue(sse_follower *f)
{
    const sse_channel *c = f->channel;

    if (c->window && sse_log_overtook(&c->log, f->cursor)) {
        sse_lists_wait(f);
        return false;
    }
    if (!sse_log_overtook(&c->log, f->cursor) && !f->over_max_lag) {
        if (f->cursor < c->log.oldest) /* only superseded events have gone */
            f->cursor = c->log.oldest;
        return true;
    }
    if (c->slow == SSE_SLOW_CLOSE)
        sse_follower_end_stream(f, SSE_END_SLOW);
    else
        sse_gap_skip_lost(f);
    return sse_follower_is_open(f) && !sse_exchange_lost(f->stream->exchange) &&
           !f->stream->blocked;
}

/* Notes the cursor of a blocked follower that has lost nothing, and loses nothing by the trim at
 * the round's end: the log is not to drop what it was not sent without another try. */
static void note_blocked(const sse_follower *f)
{
    sse_channel *c = f->channel;

    if (!f->stream->blocked || f->cursor < c->round.trims_to ||
        sse_log_overtook(&c->log, f->cursor))
        return;
    if (f->cursor < c->owed_blocked)
        c->owed_blocked = f->cursor;
    if (f->cursor < c->round.owed_blocked)
        c->round.owed_blocked = f->cursor;
}

/* Returns whether the client takes bytes. A full socket is tried again only for a follower that has
 * lost nothing yet and is about to: for all others the loop reports that there is room. A follower
 * that stays blocked is noted, or, if it is slow, ended. */
static bool check_writable(sse_follower *f)
{
    sse_channel *c = f->channel;
    bool again = f->cursor < c->round.trims_to && !sse_log_overtook(&c->log, f->cursor);

    if (!f->stream->blocked || sse_stream_flush(f->stream, again))
        return true;
    f->over_max_lag = f->over_max_lag || sse_follower_over_max_lag(f);
    if (f->over_max_lag || has_lost(f)) {
        if (c->slow == SSE_SLOW_CLOSE)
            sse_follower_end_stream(f, SSE_END_SLOW);
    } else {
        note_blocked(f);
        c->round.overtakes =
            c->round.overtakes || (again && !c->window && c->slow == SSE_SLOW_CLOSE);
    }
    return false;
}

/* --- serving a follower ----------------------------------------------------------------------- */

/* After a writable follower was served: at the head it is live; behind it, another round is due. */
static void note_progress(sse_follower *f)
{
    sse_channel *c = f->channel;

    if (f->cursor == c->log.next) {
        f->live = true;
        return;
    }
    if (f->cursor < c->round.owed_writable)
        c->round.owed_writable = f->cursor;
    if (f->cursor < c->owed_writable)
        c->owed_writable = f->cursor;
    sse_loop_defer_work(c->loop, &c->round.run);
}

/* Ends a follower of a closed channel that has been sent everything. */
static void finish_follower(sse_follower *f)
{
    if (sse_follower_shares_stream(f))
        sse_follower_leave(f, SSE_END_SERVER);
    else
        sse_stream_close(f->stream);
}

/* The time by the clock at which the service of a follower with frames of its own ends: a filter
 * may take any time. One that catches up has less where newer events wait for the others. Within a
 * publish it is served to the end. */
static uint64_t service_end(const sse_follower *f)
{
    const sse_channel *c = f->channel;
    bool newer = c->round.target && c->round.target < c->log.next;

    if (c->publishing)
        return UINT64_MAX;
    if (f->live)
        return c->now + SSE_LOOP_SLICE_US;
    return c->now + (newer ? BUSY_REPLAY_US : REPLAY_US);
}

/* Sends about `limit` bytes at most; false: the client takes no more, or nothing can be sent. */
static bool send_batches(sse_follower *f, size_t limit)
{
    const sse_log *log = &f->channel->log;
    uint64_t until = service_end(f);
    size_t sent = 0;
    bool over = false, more = check_writable(f) && sse_follower_is_open(f);

    while (more && f->cursor < log->next && sent < limit && !over) {
        more = can_continue(f);
        if (more && f->cursor < log->next) /* else the log has nothing left */
            more = send_batch(f, NULL, until, &sent) && sse_follower_is_open(f);
        over = more && has_own_frames(f) && sse_loop_now_us(f->channel->loop) >= until;
    }
    return more;
}

/* Tells a follower whose epoch the store has lost of the gap. It goes on with what the store has
 * now. */
static void leave_lost_epoch(sse_follower *f)
{
    const sse_window *w = f->channel->window;

    f->lost_epoch = false;
    f->live = f->over_max_lag = false;
    sse_gap_send_lost(f);
    f->cursor = w->restarted_at;
}

/* Whether the channel's log has what the follower of a channel with a window is to get next. One
 * that is older is sent pages once its client takes bytes. */
static bool is_in_window(sse_follower *f)
{
    sse_channel *c = f->channel;

    if (f->waiting) {
        sse_lists_attend(c);
        return false;
    }
    if (f->lost_epoch && (!f->stream->blocked || sse_stream_flush(f->stream, false)))
        leave_lost_epoch(f);
    if (f->lost_epoch || !sse_follower_is_open(f))
        return false;
    if (!sse_log_overtook(&c->log, f->cursor))
        return true;
    if (!f->stream->blocked)
        sse_lists_wait(f);
    return f->stream->blocked;
}

void sse_delivery_serve_page(sse_follower *f, sse_page *page)
{
    uint64_t until = f->channel->now + REPLAY_US;
    size_t sent = 0;
    bool more = true;

    f->in_service = true;
    while (more && f->cursor < page->log.next && sent < SSE_DELIVERY_BYTES) {
        more = send_batch(f, page, until, &sent) && sse_follower_is_open(f);
        more = more && sse_loop_now_us(f->channel->loop) < until;
    }
    f->in_service = false;
}

void sse_delivery_serve(sse_follower *f, size_t limit)
{
    sse_channel *c = f->channel;
    bool more = false;

    if (f->in_service || f->left || sse_exchange_ended(f->stream->exchange))
        return;
    if (f->pending_end) {
        sse_follower_end_stream(f, (sse_reason)f->pending_end);
        return;
    }
    if (f->stream->placing || (c->window && !is_in_window(f)))
        return;
    f->in_service = true;
    more = send_batches(f, limit);
    f->in_service = false;
    if (!sse_follower_is_open(f))
        return;
    if (!more) {
        note_blocked(f);
        return;
    }
    if (f->untold > 0 && !c->publishing)
        sse_place_tell_in_time(f);
    note_progress(f);
    if (c->closed && f->cursor == c->log.next)
        finish_follower(f);
}

/* Whether the follower is sent what others with its cursor are sent, and nothing else is to be done
 * for it. */
static bool is_plain(const sse_follower *f)
{
    const sse_stream *s = f->stream;

    return !f->filter && s->followers == f && !f->next_of_stream && !s->blocked && !s->placing &&
           !f->over_max_lag && !f->in_service && !f->left && !f->pending_end && !f->waiting &&
           !f->lost_epoch && !sse_log_overtook(&f->channel->log, f->cursor);
}

bool sse_delivery_serve_alike(sse_follower *f)
{
    sse_channel *c = f->channel;
    const sse_batch *b = sse_batches_last(&c->batches, &c->log, f->cursor);
    sse_dictionary dictionary = { &c->log, f->cursor };

    if (!b || c->closed || !is_plain(f))
        return false;
    if (push_batch(f, b->frame, &dictionary, b->to))
        f->live = true;
    else if (sse_follower_is_open(f))
        note_blocked(f);
    f->untold = 0;
    return true;
}

/* Moves the stream's first follower to the end of its list, so that the next one is first the next
 * time. */
static void rotate_followers(sse_stream *s)
{
    sse_follower *f = s->followers, **last = &f->next_of_stream;

    if (!f->next_of_stream)
        return;
    while (*last)
        last = &(*last)->next_of_stream;
    s->followers = f->next_of_stream;
    f->next_of_stream = NULL;
    *last = f;
}

void sse_delivery_resume(sse_stream *s)
{
    uint64_t now = sse_loop_now_us(s->exchange->context->loop); /* all share one service's time */
    size_t n = 0;

    for (sse_follower *f = s->followers; f; f = f->next_of_stream)
        n++;
    while (n-- > 0 && s->followers && !s->blocked && !sse_exchange_ended(s->exchange)) {
        sse_follower *f = s->followers;

        rotate_followers(s);
        f->channel->now = now;
        sse_delivery_serve(f, SSE_DELIVERY_BYTES);
    }
}
