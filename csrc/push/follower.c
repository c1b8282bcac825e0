#include "follower.h"

#include "lists.h"

/* --- leaving ---------------------------------------------------------------------------------- */

sse_follower *sse_follower_find(const sse_stream *s, const sse_channel *c)
{
    sse_follower *f = s->followers;

    while (f && f->channel != c)
        f = f->next_of_stream;
    return f;
}

static void unlink_follower(sse_follower *f)
{
    sse_channel *c = f->channel;
    sse_follower **of_stream = &f->stream->followers;

    while (*of_stream != f)
        of_stream = &(*of_stream)->next_of_stream;
    *of_stream = f->next_of_stream;
    sse_lists_remove(f);
    c->count--;
}

/* The frames of a closed channel without followers also stay until the end of the turn: the caller
 * may be reading one. */
void sse_follower_leave(sse_follower *f, sse_reason reason)
{
    sse_channel *c = f->channel;
    sse_context *context = f->stream->exchange->context;

    unlink_follower(f);
    f->left = true;
    f->next = context->left_followers;
    context->left_followers = f;
    sse_context_wake(context);
    if (c->on->on_count)
        c->on->on_count(c->user);
    if (c->count == 0 && c->on->on_empty)
        c->on->on_empty(c->user);
    sse_presence_note(&c->presence, f->stream, false, c->count, reason);
    if (c->closed && c->count == 0)
        sse_loop_defer_work(c->loop, &c->cleanup);
}

void sse_follower_leave_all(sse_stream *s)
{
    while (s->followers)
        sse_follower_leave(s->followers, (sse_reason)s->exchange->reason);
}

void sse_follower_free(sse_context *context, sse_follower *f)
{
    if (f->filter && --f->filter->refs == 0)
        f->filter->release(f->filter);
    sse_slab_free(&context->followers, f);
}

void sse_follower_free_left(sse_context *context)
{
    while (context->left_followers) {
        sse_follower *f = context->left_followers;

        context->left_followers = f->next;
        sse_follower_free(context, f);
    }
}

/* --- slow followers --------------------------------------------------------------------------- */

/* Framed bytes between the follower's cursor and the head that the log still holds. */
static uint64_t lag(const sse_follower *f)
{
    const sse_log *log = &f->channel->log;
    uint64_t from = f->cursor > log->oldest ? f->cursor : log->oldest;

    return from < log->next ? log->total - sse_log_at(log, from)->before : 0;
}

bool sse_follower_over_max_lag(const sse_follower *f)
{
    const sse_channel *c = f->channel;

    return c->max_lag && f->live && lag(f) > c->max_lag;
}

/* Ends a follower that is too slow. Does nothing if the connection is already lost: the end of the
 * turn ends the stream then, with its own reason. */
static void close_slow(sse_follower *f)
{
    if (sse_exchange_lost(f->stream->exchange))
        return;
    f->channel->counters.slow_closed++;
    sse_stream_end_slow(f->stream);
}

void sse_follower_end_stream(sse_follower *f, sse_reason reason)
{
    sse_channel *c = f->channel;

    if (f->left || sse_exchange_ended(f->stream->exchange))
        return;
    if (c->publishing) {
        f->pending_end = (uint8_t)reason;
        sse_loop_defer_work(c->loop, &c->round.run);
    } else if (reason == SSE_END_SLOW) {
        close_slow(f);
    } else {
        sse_stream_abort(f->stream, reason);
    }
}
