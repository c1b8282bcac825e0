#include "follower.h"

#include "../wire/gap.h"
#include "compressor.h"

#define BATCH_BYTES  ((size_t)64 << 10)
#define BATCH_EVENTS 1024

/* --- coming and going ------------------------------------------------------------------------- */

static void take_out(sse_follower *f)
{
    sse_channel *c = f->channel;
    sse_follower **also = &f->stream->followers;

    while (*also != f)
        also = &(*also)->also;
    *also = f->also;
    if (c->next_due == f)
        c->next_due = f->next;
    *f->link = f->next;
    if (f->next)
        f->next->link = f->link;
    c->count--;
}

void sse_follower_give_back(sse_context *context, sse_follower *f)
{
    if (f->filter && --f->filter->refs == 0)
        f->filter->release(f->filter);
    sse_slab_free(&context->followers, f);
}

/* At the end of the turn, when nobody holds a follower any more. */
static void free_followers(sse_context *context)
{
    while (context->left_followers) {
        sse_follower *f = context->left_followers;

        context->left_followers = f->next;
        sse_follower_give_back(context, f);
    }
}

/* The channel and the stream forget the follower. Its memory, and the frames of a closed channel
 * that has lost its last follower, stay until the end of the turn: whoever called may be reading
 * them. */
static void leave(sse_follower *f, sse_reason reason)
{
    sse_channel *c = f->channel;
    sse_context *context = f->stream->exchange->context;

    take_out(f);
    f->gone = true;
    f->next = context->left_followers;
    context->left_followers = f;
    sse_context_wake(context);
    sse_channel_changed(c, false, reason);
    if (c->closed && c->count == 0)
        sse_loop_defer(c->loop, &c->tidy);
}

static void on_stream_ended(sse_stream *s)
{
    while (s->followers)
        leave(s->followers, (sse_reason)s->exchange->reason);
}

sse_follower *sse_follower_find(const sse_stream *s, const sse_channel *c)
{
    sse_follower *f = s->followers;

    while (f && f->channel != c)
        f = f->also;
    return f;
}

bool sse_stream_unfollow(sse_stream *s, sse_channel *c)
{
    sse_follower *f = sse_follower_find(s, c);

    if (f)
        leave(f, SSE_NOT_ENDED);
    return f != NULL;
}

/* --- streams that must end -------------------------------------------------------------------- */

static void end_slow(sse_follower *f)
{
    if (sse_exchange_lost(f->stream->exchange))
        return; /* its end comes with the turn, for another reason */
    f->channel->counters.slow_closed++;
    sse_stream_end_slow(f->stream);
}

/* Ends the follower's stream: SSE_END_SLOW cleanly, with a `retry:`; SSE_END_ERROR by breaking it
 * off. Within a publish, whose caller expects no stream to end, the next round does it. */
static void end_stream(sse_follower *f, sse_reason reason)
{
    sse_channel *c = f->channel;

    if (f->gone || sse_exchange_ended(f->stream->exchange))
        return;
    if (c->publishing) {
        f->doomed = (uint8_t)reason;
        sse_loop_defer(c->loop, &c->flush);
    } else if (reason == SSE_END_SLOW) {
        end_slow(f);
    } else {
        sse_stream_abort(f->stream, reason);
    }
}

/* Nothing more can be sent to the follower. */
static bool is_over(const sse_follower *f)
{
    return f->gone || f->doomed || sse_exchange_ended(f->stream->exchange);
}

/* --- what it has missed ----------------------------------------------------------------------- */

static bool follows_several(const sse_stream *s)
{
    return s->followers && s->followers->also;
}

/* Gap events wait within the bounds of what the program sends. One larger than max_pending by
 * itself goes out where nothing waits, for without it the client would never get on. */
static int send_gap(sse_stream *s, sse_frame *frame)
{
    size_t max = frame->payload > s->max_pending ? frame->payload : s->max_pending;
    int code = sse_exchange_check_room(s->exchange, frame->payload, max);

    return code ? code : sse_stream_push(s, frame, NULL);
}

/* A gap that can't be told ends the stream: it must not go unnoticed. It names the channel where
 * `named` and the stream follows several. */
void sse_follower_tell_gap(sse_follower *f, sse_gap gap, sse_slice last_id, bool named)
{
    sse_channel *c = f->channel;
    sse_slice name =
        named && follows_several(f->stream) ? sse_slice_text(c->name) : (sse_slice){ 0 };
    sse_frame *frame = NULL;
    int code =
        sse_gap_frame(sse_slice_text(c->gap_event), last_id, sse_gap_names[gap], name, &frame);

    if (!code)
        code = send_gap(f->stream, frame);
    sse_frame_unref(frame);
    if (!code || code == SSE_EAGAIN)
        c->counters.gaps[gap]++;
    else if (code == SSE_EFULL)
        end_stream(f, SSE_END_SLOW);
    else if (code != SSE_ECLOSED)
        end_stream(f, SSE_END_ERROR);
}

static uint64_t lag(const sse_follower *f)
{
    const sse_log *log = &f->channel->log;
    uint64_t from = f->cursor > log->oldest ? f->cursor : log->oldest;

    return from < log->next ? log->total - sse_log_at(log, from)->before : 0;
}

/* A client that is still being sent what was held as it came is bounded by the log alone. */
static bool lags(const sse_follower *f)
{
    const sse_channel *c = f->channel;

    return c->max_lag && f->live && lag(f) > c->max_lag;
}

/* Goes on with the oldest event that it may still get: the newest at least, where it is held. */
static void skip(sse_follower *f)
{
    sse_channel *c = f->channel;
    char id[SSE_MAX_ID];
    uint64_t from = f->cursor;

    if (f->cursor < c->log.first)
        f->cursor = c->log.first;
    while (f->cursor + 1 < c->log.next && lags(f))
        f->cursor++;
    f->late = false;
    c->counters.skipped += f->cursor - from;
    sse_log_id(&c->log, from - 1, id);
    sse_follower_tell_gap(f, SSE_GAP_SLOW, sse_slice_text(id), true);
}

/* Nothing of what it was owed is gone; false: it can't go on, at least not now. A client that takes
 * what there is may be any number of bytes behind for a moment. */
static bool kept_up(sse_follower *f)
{
    const sse_channel *c = f->channel;

    if (!sse_log_overtook(&c->log, f->cursor) && !f->late) {
        if (f->cursor < c->log.oldest) /* only what newer ones supersede is gone */
            f->cursor = c->log.oldest;
        return true;
    }
    if (c->slow == SSE_SLOW_CLOSE)
        end_stream(f, SSE_END_SLOW);
    else
        skip(f);
    return !is_over(f) && !sse_exchange_lost(f->stream->exchange) && !f->stream->behind;
}

/* --- frames of its own ------------------------------------------------------------------------ */

/* The id that says where the stream will stand in each of its channels. */
static int append_id(const sse_follower *f, uint64_t position, sse_buffer *out)
{
    int code = sse_buffer_append(out, "id: ", 4);

    for (const sse_follower *g = f->stream->followers; g && !code; g = g->also)
        code = sse_position_append(out, g->channel->tag, &g->channel->log,
                                   g == f ? position : g->cursor - 1, g == f->stream->followers);
    return code ? code : sse_buffer_append(out, "\n", 1);
}

static int append_event(const sse_follower *f, uint64_t position, sse_buffer *out)
{
    const sse_log_entry *e = sse_log_at(&f->channel->log, position);
    sse_slice payload = sse_frame_payload(e->frame);
    int code = SSE_OK;

    if (follows_several(f->stream)) {
        code = append_id(f, position, out);
        payload = (sse_slice){ payload.at + e->id_line, payload.len - e->id_line };
    }
    return code ? code : sse_buffer_append(out, payload.at, payload.len);
}

/* Whether it gets that event. Its filter may have let it go: see f->gone. */
static bool wants(sse_follower *f, uint64_t position)
{
    sse_channel *c = f->channel;
    bool nested = c->filtering; /* another where function made it follow */
    int wanted = 1;

    if (sse_log_at(&c->log, position)->superseded)
        return false;
    if (!f->filter)
        return true;
    c->filtering = true;
    wanted = f->filter->wants(f->filter, c, position);
    c->filtering = nested;
    if (wanted < 0)
        end_stream(f, SSE_END_ERROR);
    if (wanted == 0)
        c->counters.filtered++;
    return wanted > 0;
}

/* Which of the next events it wants, as bits; *to: the position after them; *looked: their bytes.
 * All are asked for before one is encoded: a filter may do anything, and the ids say where the
 * stream stands in its other channels. SSE_ECLOSED: it was let go. */
static int choose(sse_follower *f, uint64_t chosen[BATCH_EVENTS / 64], uint64_t *to, size_t *looked)
{
    const sse_log *log = &f->channel->log;

    for (*to = f->cursor; *to < log->next && *looked < BATCH_BYTES; ++*to) {
        uint64_t i = *to - f->cursor;
        bool wanted = false;

        if (i == BATCH_EVENTS)
            break;
        *looked += sse_log_at(log, *to)->frame->payload;
        wanted = wants(f, *to);
        if (is_over(f))
            return SSE_ECLOSED;
        chosen[i / 64] |= (uint64_t)wanted << i % 64;
    }
    return SSE_OK;
}

/* As sse_channel_batch, with the events it wants and the ids it needs; *out NULL: none of them. */
static int own_batch(sse_follower *f, sse_frame **out, uint64_t *to, size_t *looked)
{
    uint64_t chosen[BATCH_EVENTS / 64] = { 0 };
    sse_buffer bytes;
    uint32_t events = 0;
    int code = choose(f, chosen, to, looked);

    sse_buffer_init(&bytes, SIZE_MAX);
    for (uint64_t i = 0; i < *to - f->cursor && !code; i++) {
        if (!(chosen[i / 64] >> i % 64 & 1))
            continue;
        code = append_event(f, f->cursor + i, &bytes);
        events++;
    }
    if (!code && events > 0) {
        *out = sse_frame_new(sse_buffer_slice(&bytes));
        code = *out ? SSE_OK : SSE_ENOMEM;
    }
    sse_buffer_free(&bytes);
    if (*out)
        (*out)->events = events;
    return code;
}

/* --- sending ---------------------------------------------------------------------------------- */

static void count_delay(sse_channel *c, uint64_t published, uint32_t events)
{
    uint64_t delay = c->now > published ? c->now - published : 0;
    int i = 0;

    while (i < SSE_DELAYS - 1 && delay > sse_delay_bounds[i])
        i++;
    c->counters.delays[i] += events;
    c->counters.delay_sum += delay * events;
}

static void count(sse_follower *f, const sse_frame *frame)
{
    sse_channel *c = f->channel;

    c->counters.delivered += frame->events;
    c->counters.bytes += frame->payload;
    f->stream->last_sent = (uint32_t)(c->now / 1000);
    if (f->live)
        count_delay(c, sse_log_at(&c->log, f->cursor)->time, frame->events);
}

/* The next piece of what it is owed; *sent: its bytes, and those of what it does not want. false:
 * no more now, or ever. */
static bool send_next(sse_follower *f, size_t *sent)
{
    sse_stream *s = f->stream;
    sse_frame *frame = NULL;
    uint64_t to = 0;
    size_t looked = 0;
    bool own = f->filter || follows_several(s);
    sse_dictionary dictionary = { &f->channel->log, f->cursor };
    int code = own ? own_batch(f, &frame, &to, &looked)
                   : sse_channel_batch(f->channel, f->cursor, &frame, &to);

    if (!code && frame)
        code = sse_stream_push(s, frame, own ? NULL : &dictionary);
    if (!code || code == SSE_EAGAIN) {
        if (frame)
            count(f, frame);
        if (frame && !looked)
            looked = frame->payload;
        *sent += looked;
        f->cursor = to;
    } else if (code != SSE_ECLOSED) {
        end_stream(f, SSE_END_ERROR);
    }
    sse_frame_unref(frame);
    return !code;
}

/* It takes bytes, and has all there are or is to be asked again. */
static void settle(sse_follower *f)
{
    sse_channel *c = f->channel;

    if (f->cursor == c->log.next) {
        f->live = true;
        return;
    }
    if (f->cursor < c->lagging)
        c->lagging = f->cursor;
    if (f->cursor < c->settled)
        c->settled = f->cursor;
    sse_loop_defer(c->loop, &c->flush);
}

/* Its channel is closed, and it has everything. */
static void finish(sse_follower *f)
{
    if (follows_several(f->stream))
        leave(f, SSE_END_SERVER);
    else
        sse_stream_close(f->stream);
}

/* So that the log tells before it drops what it is owed. */
static void note_waiting(const sse_follower *f)
{
    sse_channel *c = f->channel;

    if (!f->stream->behind || f->cursor < c->leaving || sse_log_overtook(&c->log, f->cursor))
        return;
    if (f->cursor < c->waiting)
        c->waiting = f->cursor;
    if (f->cursor < c->waiting_now)
        c->waiting_now = f->cursor;
}

/* Whether the client takes bytes. A socket that was full is tried again only for a follower that
 * has lost nothing yet and is about to: for all others the loop tells when there is room. */
static bool takes_more(sse_follower *f)
{
    sse_channel *c = f->channel;
    bool again = f->cursor < c->leaving && !sse_log_overtook(&c->log, f->cursor);

    if (!f->stream->behind || sse_stream_takes(f->stream, again))
        return true;
    f->late = f->late || lags(f);
    if (f->late || sse_log_overtook(&c->log, f->cursor)) {
        if (c->slow == SSE_SLOW_CLOSE)
            end_stream(f, SSE_END_SLOW);
    } else {
        note_waiting(f);
        c->overtaken = c->overtaken || (again && c->slow == SSE_SLOW_CLOSE);
    }
    return false;
}

/* Sends up to `limit` bytes; false: the client takes no more, or nothing more can be sent. */
static bool serve(sse_follower *f, size_t limit)
{
    const sse_log *log = &f->channel->log;
    size_t sent = 0;
    bool more = takes_more(f) && !is_over(f);

    while (more && f->cursor < log->next && sent < limit) {
        more = kept_up(f);
        if (more && f->cursor < log->next) /* else all has aged */
            more = send_next(f, &sent) && !is_over(f);
    }
    return more;
}

static void pump(sse_follower *f, size_t limit)
{
    sse_channel *c = f->channel;
    bool more = false;

    if (f->busy || f->gone || sse_exchange_ended(f->stream->exchange))
        return;
    if (f->doomed) {
        end_stream(f, (sse_reason)f->doomed);
        return;
    }
    f->busy = true;
    more = serve(f, limit);
    f->busy = false;
    if (is_over(f))
        return;
    if (!more) {
        note_waiting(f);
        return;
    }
    settle(f);
    if (c->closed && f->cursor == c->log.next)
        finish(f);
}

static void on_stream_ready(sse_stream *s)
{
    size_t n = 0;

    for (sse_follower *f = s->followers; f; f = f->also)
        n++;
    while (n-- > 0 && s->followers && !s->behind && !sse_exchange_ended(s->exchange)) {
        sse_follower *f = s->followers, **last = &f->also;

        if (f->also) { /* the others are first the next time */
            while (*last)
                last = &(*last)->also;
            s->followers = f->also;
            f->also = NULL;
            *last = f;
        }
        f->channel->now = sse_loop_now_us(f->channel->loop);
        pump(f, SSE_PUMP_BYTES);
    }
}

const sse_follower_calls sse_follower_service = { pump, leave };

void sse_follower_serve_context(sse_context *context)
{
    context->on_stream_ready = on_stream_ready;
    context->on_stream_ended = on_stream_ended;
    context->free_followers = free_followers;
}
