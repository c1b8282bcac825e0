#include "gap.h"

#include "../wire/gap.h"
#include "follower.h"

const char *const sse_gap_names[SSE_GAPS] = { "expired", "unknown", "slow" };

/* Pushes a gap event, if it fits into max_pending with what waits already. One that is larger than
 * max_pending is pushed if nothing waits: without it the client could never resume. */
static int push_gap(sse_stream *s, sse_frame *frame)
{
    size_t max = frame->payload > s->max_pending ? frame->payload : s->max_pending;
    int code = sse_exchange_check_room(s->exchange, frame->payload, max);

    return code ? code : sse_stream_push(s, frame, NULL);
}

void sse_gap_send(sse_follower *f, sse_gap gap, sse_slice last_id, bool named)
{
    sse_channel *c = f->channel;
    sse_slice name =
        named && sse_follower_shares_stream(f) ? sse_slice_text(c->name) : (sse_slice){ 0 };
    sse_frame *frame = NULL;
    int code =
        sse_gap_frame(sse_slice_text(c->gap_event), last_id, sse_gap_names[gap], name, &frame);

    if (!code)
        code = push_gap(f->stream, frame);
    sse_frame_unref(frame);
    if (!code || code == SSE_EAGAIN)
        c->counters.gaps[gap]++;
    else if (code == SSE_EFULL)
        sse_follower_end_stream(f, SSE_END_SLOW);
    else if (code != SSE_ECLOSED)
        sse_follower_end_stream(f, SSE_END_ERROR);
}

/* The id of the event before the cursor, in the window's lost epoch. */
static void write_lost_id(const sse_channel *c, uint64_t cursor, char id[SSE_MAX_ID])
{
    sse_log lost = { 0 };

    memcpy(lost.epoch, c->window->lost_epoch, sizeof lost.epoch);
    lost.epoch_len = strlen(lost.epoch);
    sse_log_id(&lost, cursor - 1, id);
}

int sse_gap_lost_frame(const sse_channel *c, uint64_t cursor, sse_frame **out)
{
    const sse_slice none = { 0 };
    char id[SSE_MAX_ID];

    write_lost_id(c, cursor, id);
    return sse_gap_frame(sse_slice_text(c->gap_event), sse_slice_text(id),
                         sse_gap_names[SSE_GAP_UNKNOWN], none, out);
}

void sse_gap_send_lost(sse_follower *f)
{
    char id[SSE_MAX_ID];

    write_lost_id(f->channel, f->cursor, id);
    sse_gap_send(f, SSE_GAP_UNKNOWN, sse_slice_text(id), true);
}

void sse_gap_skip_to(sse_follower *f, uint64_t position)
{
    sse_channel *c = f->channel;
    char id[SSE_MAX_ID];
    uint64_t from = f->cursor;

    f->cursor = position;
    c->counters.skipped += position - from;
    sse_log_id(&c->log, from - 1, id);
    sse_gap_send(f, SSE_GAP_SLOW, sse_slice_text(id), true);
}

void sse_gap_skip_lost(sse_follower *f)
{
    sse_channel *c = f->channel;
    char id[SSE_MAX_ID];
    uint64_t from = f->cursor;

    if (f->cursor < c->log.first)
        f->cursor = c->log.first;
    while (f->cursor + 1 < c->log.next && sse_follower_over_max_lag(f))
        f->cursor++;
    f->over_max_lag = false;
    c->counters.skipped += f->cursor - from;
    sse_log_id(&c->log, from - 1, id);
    sse_gap_send(f, SSE_GAP_SLOW, sse_slice_text(id), true);
}
