#include "follow.h"

#include "delivery.h"
#include "follower.h"
#include "gap.h"
#include "resume.h"

static uint64_t beginning(const sse_channel *c, const sse_follow_options *options)
{
    const sse_log *log = &c->log;

    switch (options->from) {
    case SSE_FROM_OLDEST:
        return log->first;
    case SSE_FROM_COUNT:
        return options->count < log->next - log->first ? log->next - options->count : log->first;
    default:
        return log->next;
    }
}

static void insert(sse_channel *c, sse_follower *f)
{
    f->next = c->followers;
    f->link = &c->followers;
    if (f->next)
        f->next->link = &f->next;
    c->followers = f;
    if (c->count++ == 0)
        c->owed_writable = c->log.next;
}

/* Whether the client has been told by a gap event of the same type, for another channel of the
 * stream, that its id is of none of them. */
static bool was_told(const sse_follower *f)
{
    const sse_follower *g = f->stream->followers;

    while (g != f && strcmp(g->channel->gap_event, f->channel->gap_event) != 0)
        g = g->next_of_stream;
    return g != f;
}

/* Sets the cursor, and tells what is missing. An id that is none of any channel is told once. */
static void place(sse_follower *f, const sse_follow_options *options, bool again)
{
    sse_channel *c = f->channel;
    const sse_slice none = { 0 };
    sse_slice id = again ? none : options->last_id;
    sse_resume r = sse_resume_locate(c, id);
    bool known = sse_resume_is_known(&r);
    bool begins = r.brought == SSE_BROUGHT_NONE || (!known && f->stream->resolved);

    f->cursor = begins ? beginning(c, options) : r.next;
    if (f->cursor < c->owed_writable)
        c->owed_writable = f->cursor; /* the filter of another channel may publish before it is
                                         served */
    if (begins)
        return;
    if (r.place == SSE_LOG_HERE) {
        c->counters.resumed++;
        return;
    }
    c->counters.missed++;
    if (known)
        sse_gap_send(f, r.place == SSE_LOG_EXPIRED ? SSE_GAP_EXPIRED : SSE_GAP_UNKNOWN, id, true);
    else if (!was_told(f))
        sse_gap_send(f, SSE_GAP_UNKNOWN, id, false);
}

/* An id that one of the channels knows says nothing about those it has no part for; one that none
 * knows may be of any. */
static void resolve(sse_stream *s, sse_channel *const *channels, size_t n, sse_slice id)
{
    for (size_t i = 0; i < n && !s->resolved; i++) {
        sse_resume r = sse_resume_locate(channels[i], id);

        s->resolved = sse_resume_is_known(&r);
    }
}

static int check(const sse_stream *s, sse_channel *const *channels, size_t n, size_t *bad)
{
    size_t followed = 0;

    if (sse_stream_closed(s)) {
        *bad = n;
        return SSE_ECLOSED;
    }
    for (const sse_follower *f = s->followers; f; f = f->next_of_stream)
        followed++;
    if (followed + n > SSE_MAX_FOLLOWED)
        return SSE_ETOOBIG;
    for (*bad = 0; *bad < n; ++*bad) {
        if (channels[*bad]->closed)
            return SSE_ECLOSED;
        if (sse_follower_find(s, channels[*bad]))
            return SSE_EEXIST;
        for (size_t i = 0; i < *bad; i++)
            if (channels[i] == channels[*bad])
                return SSE_EEXIST;
    }
    return SSE_OK;
}

/* Followers of the channels, linked by `also` and by nothing else yet. */
static sse_follower *make(sse_stream *s, sse_channel *const *channels, size_t n,
                          const sse_follow_options *options)
{
    sse_context *context = s->exchange->context;
    sse_follower *list = NULL;

    while (n-- > 0) {
        sse_follower *f = sse_slab_alloc(&context->followers, sizeof *f);

        if (!f) {
            while (list) {
                f = list->next_of_stream;
                sse_follower_free(context, list);
                list = f;
            }
            return NULL;
        }
        f->channel = channels[n];
        f->stream = s;
        f->filter = options->filter;
        if (f->filter)
            f->filter->refs++;
        f->next_of_stream = list;
        list = f;
    }
    return list;
}

static void attach(sse_follower *list)
{
    sse_stream *s = list->stream;
    sse_follower **last = &s->followers;

    while (*last)
        last = &(*last)->next_of_stream;
    *last = list;
    sse_stream_break_run(s);
    for (sse_follower *f = list; f; f = f->next_of_stream) {
        insert(f->channel, f);
        f->cursor = f->channel->log.next;
        sse_presence_note(&f->channel->presence, true, f->channel->count, SSE_NOT_ENDED);
    }
}

/* The server context tells followers when their stream takes bytes again, when it has ended, and
 * when the turn has. */
static void set_callbacks(sse_context *context)
{
    context->on_stream_ready = sse_delivery_resume;
    context->on_stream_ended = sse_follower_leave_all;
    context->free_followers = sse_followers_free_left;
}

int sse_stream_follow(sse_stream *s, sse_channel *const *channels, size_t n,
                      const sse_follow_options *options, size_t *bad)
{
    sse_context *context = s->exchange->context;
    sse_follower *list = NULL;
    int code = check(s, channels, n, bad);

    if (code || n == 0)
        return code;
    list = make(s, channels, n, options);
    if (!list)
        return SSE_ENOMEM;
    set_callbacks(context);
    resolve(s, channels, n, options->last_id);
    attach(list);
    for (size_t i = 0; i < n; i++) /* a gap that can't be told ends the stream, and all of them */
        if ((list = sse_follower_find(s, channels[i])))
            place(list, options, options->again >> i & 1);
    for (size_t i = 0; i < n; i++) {
        if (!(list = sse_follower_find(s, channels[i])))
            continue;
        channels[i]->now = sse_loop_now_us(channels[i]->loop);
        sse_delivery_serve(list, SSE_DELIVERY_BYTES);
    }
    return SSE_OK;
}

bool sse_stream_unfollow(sse_stream *s, sse_channel *c)
{
    sse_follower *f = sse_follower_find(s, c);

    if (f)
        sse_follower_leave(f, SSE_NOT_ENDED);
    return f != NULL;
}
