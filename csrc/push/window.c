#include "window.h"

#include <stdio.h>
#include <stdlib.h>

#include "aging.h"
#include "lists.h"
#include "reader.h"
#include "replay.h"
#include "round.h"

/* --- records ---------------------------------------------------------------------------------- */

/* Encodes the event with its id line first, into a frame for the caller. */
static int encode(const sse_log *log, const sse_record *record, sse_frame **out, size_t *id_line)
{
    char own[SSE_MAX_ID];
    sse_slice id = record->id;
    sse_buffer bytes;
    int code = SSE_OK;

    if (id.len == 0) {
        id.at = own;
        id.len = sse_log_id(log, log->next, own);
    }
    *id_line = id.len + 5; /* "id: " and the line's end */
    sse_buffer_init(&bytes, SIZE_MAX);
    code = sse_encode_id(&bytes, id, NULL);
    if (code == SSE_EINVAL) { /* an own id that can't be sent: the event gets one of the log's */
        *id_line = sse_log_id(log, log->next, own) + 5;
        code = sse_encode_id(&bytes, sse_slice_text(own), NULL);
    }
    if (!code)
        code = sse_buffer_append(&bytes, record->event.at, record->event.len);
    if (!code) {
        *out = sse_frame_new(sse_buffer_slice(&bytes));
        code = *out ? SSE_OK : SSE_ENOMEM;
    }
    sse_buffer_free(&bytes);
    if (!code)
        (*out)->events = 1;
    return code;
}

/* Appends an event to the window's log or to a page's. */
static int append(sse_channel *c, sse_log *log, const sse_record *record)
{
    bool keyed = c->slow == SSE_SLOW_LATEST; /* otherwise no event supersedes another */
    sse_slice none = { 0 };
    sse_slice tags[SSE_LOG_TAGS] = { record->id, keyed ? record->key : none, record->dedupe };
    sse_frame *frame = NULL;
    size_t id_line = 0;
    int code = encode(log, record, &frame, &id_line);

    if (code)
        return code;
    if (log == &c->log)
        sse_round_before_append(c, sse_frame_chunk(frame).len);
    code = sse_log_append(log, frame, id_line, tags, c->now);
    sse_frame_unref(frame);
    if (!code)
        sse_log_at(log, log->next - 1)->time = c->now > record->age ? c->now - record->age : 0;
    return code;
}

/* --- the window ------------------------------------------------------------------------------- */

int sse_window_open(sse_channel *c)
{
    sse_window *w = calloc(1, sizeof *w);

    if (!w)
        return SSE_ENOMEM;
    w->bounds = c->log.limits;
    if (c->log.limits.max_count > SSE_WINDOW_EVENTS)
        c->log.limits.max_count = SSE_WINDOW_EVENTS;
    c->window = w;
    c->log.is_window = true;
    sse_replay_init(c);
    return SSE_OK;
}

static void mark_lost(sse_follower *f)
{
    for (; f; f = f->next)
        f->lost_epoch = true;
}

int sse_window_restart(sse_channel *c, const char *epoch, uint64_t position, uint64_t first,
                       bool lost)
{
    sse_window *w = c->window;

    if (c->filtering)
        return SSE_EBUSY;
    if (lost) {
        snprintf(w->lost_epoch, sizeof w->lost_epoch, "%s", c->log.epoch);
        w->restarted_at = first;
        mark_lost(c->followers);
        mark_lost(w->waiting);
        sse_replay_drop_pages(c);
        sse_readers_lose(c);
    }
    sse_round_restart(c);
    sse_log_restart(&c->log, epoch, position);
    c->era++;
    c->owed_writable = position;
    c->owed_blocked = UINT64_MAX;
    w->first = first;
    sse_loop_defer_work(c->loop, &c->round.run);
    sse_lists_attend(c);
    return SSE_OK;
}

int sse_window_append(sse_channel *c, const sse_record *record)
{
    int code = SSE_OK;

    if (c->filtering)
        return SSE_EBUSY;
    code = append(c, &c->log, record);
    if (code)
        return code;
    sse_readers_wake(c); /* before the round is deferred, which trims the log behind them */
    sse_loop_defer_work(c->loop, &c->round.run);
    if (!c->aging_runs)
        sse_aging_start(c);
    return SSE_OK;
}

/* --- pages ------------------------------------------------------------------------------------ */

int sse_window_begin_page(sse_channel *c, uint64_t position, sse_page **out)
{
    sse_window *w = c->window;
    const sse_log_limits none = { .max_count = SIZE_MAX, .max_bytes = UINT64_MAX };
    sse_page *page = NULL;

    *out = NULL;
    if (c->filtering)
        return SSE_EBUSY;
    if (!w->asked)
        return SSE_OK;
    page = &w->pages[w->next_page++ % SSE_PAGES];
    sse_batches_drop(&page->batches);
    sse_log_free(&page->log);
    sse_log_init(&page->log, &none, c->log.epoch, &c->log.seed);
    sse_log_restart(&page->log, c->log.epoch, position);
    page->from = w->asked;
    c->now = sse_loop_now_us(c->loop);
    *out = page;
    return SSE_OK;
}

int sse_window_append_page(sse_channel *c, sse_page *page, const sse_record *record)
{
    return append(c, &page->log, record);
}

void sse_window_end_page(sse_channel *c)
{
    c->window->asked = 0;
    if (c->window->waiting)
        sse_lists_attend(c);
}

void sse_window_free(sse_channel *c)
{
    if (!c->window)
        return;
    sse_replay_stop(c);
    free(c->window);
    c->window = NULL;
}
