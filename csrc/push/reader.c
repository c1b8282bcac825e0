#include "reader.h"

#include "../wire/gap.h"
#include "gap.h"

static bool has_something(const sse_reader *r)
{
    return r->cursor < r->channel->log.next || r->channel->closed || r->lost_epoch;
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void wake(sse_reader *r)
{
    r->waiting = false;
    r->channel->waiting_readers--;
    r->channel->ready_readers++;
    sse_loop_defer(r->channel->loop, &r->ready);
}

static void call_on_ready(void *arg)
{
    sse_reader *r = arg;

    r->channel->ready_readers--;
    r->on_ready(r->user);
}

void sse_reader_wait(sse_reader *r)
{
    if (r->waiting || r->ready.link)
        return;
    r->waiting = true;
    r->channel->waiting_readers++;
    if (has_something(r))
        wake(r);
}

void sse_readers_wake(sse_channel *c)
{
    for (sse_reader *r = c->readers; r && c->waiting_readers > 0; r = r->next)
        if (r->waiting)
            wake(r);
}

void sse_readers_lose(sse_channel *c)
{
    for (sse_reader *r = c->readers; r; r = r->next)
        r->lost_epoch = true;
    sse_readers_wake(c);
}

/* --- coming and leaving ----------------------------------------------------------------------- */

void sse_reader_begin(sse_reader *r, sse_channel *c, const sse_follow_options *options,
                      void (*on_ready)(void *user), void *user)
{
    *r = (sse_reader){ .channel = c, .on_ready = on_ready, .user = user };
    r->cursor = sse_follow_first(c, options, NULL);
    sse_deferred_init(&r->ready, call_on_ready, r);
    r->next = c->readers;
    r->link = &c->readers;
    if (r->next)
        r->next->link = &r->next;
    c->readers = r;
}

void sse_reader_leave(sse_reader *r)
{
    sse_channel *c = r->channel;

    if (!c)
        return;
    r->channel = NULL;
    *r->link = r->next;
    if (r->next)
        r->next->link = r->link;
    if (r->waiting)
        c->waiting_readers--;
    if (r->ready.link) {
        c->ready_readers--;
        sse_loop_undefer(c->loop, &r->ready);
    }
    r->waiting = false;
    if (c->closed && c->count == 0 && !c->readers)
        sse_loop_defer_work(c->loop, &c->cleanup);
}

/* --- reading ---------------------------------------------------------------------------------- */

void sse_reader_seek(sse_reader *r, uint64_t position)
{
    r->cursor = position;
    r->lost_epoch = false;
}

int sse_reader_skip_to(sse_reader *r, uint64_t position, sse_frame **gap)
{
    const sse_slice none = { 0 };
    sse_channel *c = r->channel;
    char id[SSE_MAX_ID];
    int code = SSE_OK;

    sse_log_id(&c->log, r->cursor - 1, id);
    code = sse_gap_frame(sse_slice_text(c->gap_event), sse_slice_text(id),
                         sse_gap_names[SSE_GAP_SLOW], none, gap);
    if (code)
        return code;
    c->counters.gaps[SSE_GAP_SLOW]++;
    c->counters.skipped += position - r->cursor;
    r->cursor = position;
    return SSE_OK;
}

/* Skips the events that were dropped from the log unread, and makes the gap event that says so. */
static int read_gap(sse_reader *r, sse_frame **gap)
{
    int code = sse_reader_skip_to(r, r->channel->log.first, gap);

    return code ? code : SSE_READ_GAP;
}

/* Makes the gap event for a reader whose epoch the store has lost. */
static int read_lost(sse_reader *r, sse_frame **gap)
{
    const sse_window *w = r->channel->window;
    int code = sse_gap_lost_frame(r->channel, r->cursor, gap);

    if (code)
        return code;
    r->channel->counters.gaps[SSE_GAP_UNKNOWN]++;
    r->lost_epoch = false;
    r->cursor = w->restarted_at;
    return SSE_READ_GAP;
}

int sse_reader_next(sse_reader *r, uint64_t *position, sse_frame **gap)
{
    const sse_log *log = r->channel ? &r->channel->log : NULL;

    if (!log)
        return SSE_READ_END;
    if (r->lost_epoch)
        return read_lost(r, gap);
    if (sse_log_overtook(log, r->cursor))
        return r->channel->window ? SSE_READ_BEHIND : read_gap(r, gap);
    if (r->cursor > log->next) /* of an event that the window is still to get */
        return SSE_READ_NOTHING;
    if (r->cursor < log->oldest) /* only superseded events have gone */
        r->cursor = log->oldest;
    while (r->cursor < log->next && sse_log_at(log, r->cursor)->superseded)
        r->cursor++;
    if (r->cursor == log->next)
        return r->channel->closed ? SSE_READ_END : SSE_READ_NOTHING;
    *position = r->cursor++;
    return SSE_READ_EVENT;
}
