#include "selection.h"

#include "follower.h"
#include "place.h"

#define MAX_EVENTS 1024 /* looked at for one batch */
#define PART_BYTES 20   /* about, of an id for each of several channels */

/* --- which events ----------------------------------------------------------------------------- */

/* Whether the follower gets the event at a position. The filter may do anything, also end the
 * follower: callers check sse_follower_is_open. */
static bool wants(sse_follower *f, const sse_log *log, uint64_t position)
{
    sse_channel *c = f->channel;
    bool nested = c->filtering; /* within another call of a filter, which made f's stream follow */
    int wanted = 1;

    if (sse_log_at(log, position)->superseded)
        return false;
    if (!f->filter)
        return true;
    c->filtering = true;
    wanted = f->filter->wants(f->filter, c, log, position);
    c->filtering = nested;
    if (wanted < 0)
        sse_follower_end_stream(f, SSE_END_ERROR);
    if (wanted == 0)
        c->counters.filtered++;
    return wanted > 0;
}

/* How many parts the follower's ids have beside that in its events' frames. */
static size_t count_parts(const sse_follower *f)
{
    size_t count = 0;

    for (const sse_follower *g = sse_place_next(f); g != f; g = sse_place_next(g))
        count++;
    return count;
}

/* Sets a bit in `chosen` for each of the next events that the follower wants; a filter is asked
 * about none once the clock is at `until`. All are asked for before the first is encoded: a filter
 * may follow or unfollow other channels, and the ids say where the stream stands in each of its
 * channels. SSE_ECLOSED: the follower is not open. */
static int choose_events(sse_follower *f, const sse_log *log, uint64_t until,
                         uint64_t chosen[MAX_EVENTS / 64], uint64_t *to, size_t *looked)
{
    size_t id_bytes = PART_BYTES * count_parts(f);
    bool over = false;

    for (*to = f->cursor; *to < log->next && *looked < SSE_BATCH_BYTES && !over; ++*to) {
        uint64_t i = *to - f->cursor;
        bool wanted = false;

        if (i == MAX_EVENTS)
            break;
        *looked += sse_log_at(log, *to)->frame->payload + id_bytes;
        wanted = wants(f, log, *to);
        if (!sse_follower_is_open(f))
            return SSE_ECLOSED;
        chosen[i / 64] |= (uint64_t)wanted << i % 64;
        over = f->filter && sse_loop_now_us(f->channel->loop) >= until;
    }
    return SSE_OK;
}

/* --- encoding them ---------------------------------------------------------------------------- */

/* others: of sse_place_append_others; empty on a stream of one channel, whose events have their ids
 * in their frames. */
static int append_event(const sse_follower *f, const sse_log *log, uint64_t position,
                        sse_slice others, sse_buffer *out)
{
    const sse_log_entry *e = sse_log_at(log, position);
    sse_slice payload = sse_frame_payload(e->frame);
    int code = SSE_OK;

    if (others.len > 0) {
        code = sse_place_append_line(f, position, others, out);
        payload = (sse_slice){ payload.at + e->id_line, payload.len - e->id_line };
    }
    return code ? code : sse_buffer_append(out, payload.at, payload.len);
}

/* Notes that the client is told of the first `told` of `count` events that were looked at: of those
 * up to the last one that was chosen, whose id it is sent. */
static void note_told(sse_follower *f, uint64_t count, uint64_t told)
{
    uint64_t untold = count - told;

    if (told > 0)
        sse_place_note_told(f->stream);
    else
        untold += f->untold;
    if (f->filter)
        f->untold = untold < UINT16_MAX ? (uint16_t)untold : UINT16_MAX;
}

/* Joins the chosen ones of the events from the cursor to before `to` in a new frame. */
static int join_events(sse_follower *f, const sse_log *log, const uint64_t chosen[MAX_EVENTS / 64],
                       uint64_t to, sse_frame **out)
{
    sse_buffer bytes, others;
    uint64_t told = 0;
    uint32_t events = 0;
    int code = SSE_OK;

    sse_buffer_init(&bytes, SIZE_MAX);
    sse_buffer_init(&others, SIZE_MAX);
    if (sse_follower_shares_stream(f))
        code = sse_place_append_others(f, &others);
    for (uint64_t i = 0; i < to - f->cursor && !code; i++) {
        if (!(chosen[i / 64] >> i % 64 & 1))
            continue;
        code = append_event(f, log, f->cursor + i, sse_buffer_slice(&others), &bytes);
        events++;
        told = i + 1;
    }
    if (!code)
        note_told(f, to - f->cursor, told);
    if (!code && events > 0) {
        *out = sse_frame_new(sse_buffer_slice(&bytes));
        code = *out ? SSE_OK : SSE_ENOMEM;
    }
    sse_buffer_free(&others);
    sse_buffer_free(&bytes);
    if (*out)
        (*out)->events = events;
    return code;
}

int sse_selection_make(sse_follower *f, const sse_log *log, uint64_t until, sse_frame **out,
                       uint64_t *to, size_t *looked)
{
    uint64_t chosen[MAX_EVENTS / 64] = { 0 };
    int code = choose_events(f, log, until, chosen, to, looked);

    return code ? code : join_events(f, log, chosen, *to, out);
}
