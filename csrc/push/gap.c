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
