#include "replay.h"

#include "delivery.h"
#include "follower.h"
#include "gap.h"
#include "lists.h"

/* --- pages ------------------------------------------------------------------------------------ */

static sse_page *find_page(sse_window *w, uint64_t position)
{
    for (int i = 0; i < SSE_PAGES; i++) {
        sse_page *page = &w->pages[i];

        if (page->from && page->from <= position && position < page->log.next)
            return page;
    }
    return NULL;
}

static void ask_for_page(sse_channel *c, uint64_t from)
{
    if (c->window->asked)
        return;
    c->window->asked = from;
    c->on->on_page_wanted(c->user, from);
}

void sse_replay_drop_pages(sse_channel *c)
{
    for (int i = 0; i < SSE_PAGES; i++) {
        sse_page *page = &c->window->pages[i];

        sse_batches_drop(&page->batches);
        sse_log_free(&page->log);
        page->log = (sse_log){ 0 };
        page->from = 0;
    }
}

/* --- one follower ----------------------------------------------------------------------------- */

/* The store has dropped events before the follower was sent them. */
static void lose_events(sse_follower *f, uint64_t first)
{
    if (f->channel->slow == SSE_SLOW_CLOSE)
        sse_follower_end_stream(f, SSE_END_SLOW);
    else
        sse_gap_skip_to(f, first);
}

static void return_to_window(sse_follower *f)
{
    sse_lists_return(f);
    sse_delivery_serve(f, SSE_DELIVERY_BYTES);
}

/* Sends what a page has for the follower, or asks for that page. */
static void serve_pages(sse_follower *f)
{
    sse_channel *c = f->channel;
    sse_page *page = find_page(c->window, f->cursor);

    if (page && f->cursor < page->log.oldest)
        lose_events(f, page->log.oldest);
    else if (page)
        sse_delivery_serve_page(f, page);
    if (!sse_follower_is_open(f) || f->stream->blocked)
        return;
    if (!sse_log_overtook(&c->log, f->cursor))
        return_to_window(f);
    else if (find_page(c->window, f->cursor))
        sse_lists_attend(c);
    else
        ask_for_page(c, f->cursor);
}

static void look_after(sse_follower *f)
{
    if (sse_exchange_ended(f->stream->exchange) || f->in_service || f->stream->placing)
        return;
    if (f->pending_end)
        sse_follower_end_stream(f, (sse_reason)f->pending_end);
    else if (f->lost_epoch || !sse_log_overtook(&f->channel->log, f->cursor))
        return_to_window(f);
    else if (!f->stream->blocked || sse_stream_flush(f->stream, false))
        serve_pages(f);
}

/* Looks once after each follower that waits, as long as the slice lasts. */
static void run(void *arg)
{
    sse_channel *c = arg;
    sse_window *w = c->window;

    c->now = sse_loop_now_us(c->loop);
    if (!w->next) {
        w->next = w->waiting;
        w->again = false;
    }
    while (w->next) {
        sse_follower *f = w->next;

        w->next = f->next;
        look_after(f);
        c->now = sse_loop_now_us(c->loop);
        if (w->next && sse_loop_slice_over(c->loop, c->now)) {
            sse_loop_defer_work(c->loop, &w->run);
            return;
        }
    }
    if (w->again && w->waiting)
        sse_loop_defer_work(c->loop, &w->run);
}

/* --- birth and end ---------------------------------------------------------------------------- */

void sse_replay_init(sse_channel *c)
{
    c->window->last = &c->window->waiting;
    sse_deferred_init(&c->window->run, run, c);
}

void sse_replay_stop(sse_channel *c)
{
    sse_loop_undefer(c->loop, &c->window->run);
    sse_replay_drop_pages(c);
}
