#include "follow.h"

#include "delivery.h"
#include "follower.h"
#include "gap.h"
#include "place.h"
#include "resume.h"

/* --- the first event -------------------------------------------------------------------------- */

uint64_t sse_follow_first(const sse_channel *c, const sse_follow_options *options)
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

/* Whether an earlier follower of the stream has a gap event of the same type: it has told the
 * client already that no channel knows its id. */
static bool was_gap_sent(const sse_follower *f)
{
    const sse_follower *g = f->stream->followers;

    while (g != f && strcmp(g->channel->gap_event, f->channel->gap_event) != 0)
        g = g->next_of_stream;
    return g != f;
}

/* Sets the follower's cursor by an id of the client's or the program's, and sends a gap event where
 * events are missing. Of an id that no channel knows the client is told once, not for each channel.
 * Returns whether nothing is missing. */
static bool place_by_id(sse_follower *f, const sse_resume *r, sse_slice id)
{
    sse_channel *c = f->channel;
    bool known = sse_resume_is_known(r);

    f->cursor = r->next;
    if (r->place == SSE_LOG_FOUND) {
        c->counters.resumed++;
        return true;
    }
    c->counters.missed++;
    if (known)
        sse_gap_send(f, r->place == SSE_LOG_EXPIRED ? SSE_GAP_EXPIRED : SSE_GAP_UNKNOWN, id, true);
    else if (!was_gap_sent(f))
        sse_gap_send(f, SSE_GAP_UNKNOWN, id, false);
    return false;
}

/* The ids by which the channels that begin now are placed. */
typedef struct begin_ids {
    sse_last_id last, after, none; /* the client's, the program's, and an empty one */
    bool after_known;              /* one of the channels knows `after` */
} begin_ids;

/* Sets the follower's cursor by the client's id, by `after` or by `from`, the first of them that
 * says something about the channel. Returns whether the client's id goes on to be right. */
static bool place_cursor(sse_follower *f, const sse_follow_options *options, begin_ids *ids,
                         bool skip_id)
{
    sse_channel *c = f->channel;
    sse_last_id *id = skip_id ? &ids->none : &ids->last;
    sse_resume r = sse_resume_locate(c, id);
    bool by_client =
        r.form != SSE_RESUME_NO_ID && (sse_resume_is_known(&r) || !f->stream->id_known);
    bool found = false;

    if (!by_client) {
        id = &ids->after;
        r = sse_resume_locate(c, id);
    }
    if (by_client || (r.form != SSE_RESUME_NO_ID && (sse_resume_is_known(&r) || !ids->after_known)))
        found = place_by_id(f, &r, id->text);
    else
        f->cursor = sse_follow_first(c, options);
    if (f->cursor < c->owed_writable)
        c->owed_writable = f->cursor; /* another channel's filter may publish before f is served */
    return by_client && found;
}

/* Whether one of the channels knows the id. Then the id says nothing about the others; an id that
 * none knows may be of any of them. */
static bool is_id_known(sse_channel *const *channels, size_t n, sse_last_id *id)
{
    bool known = false;

    for (size_t i = 0; i < n && !known; i++) {
        sse_resume r = sse_resume_locate(channels[i], id);

        known = r.form != SSE_RESUME_NO_ID && sse_resume_is_known(&r);
    }
    return known;
}

/* Places the stream's new followers, and tells the client where it stands unless its id says that.
 */
static void place_cursors(sse_stream *s, sse_channel *const *channels, size_t n,
                          const sse_follow_options *options)
{
    begin_ids ids = { .last = sse_last_id_read(options->last_id),
                      .after = sse_last_id_read(options->after) };
    bool untold = false;

    ids.after_known = is_id_known(channels, n, &ids.after);
    s->id_known = s->id_known || is_id_known(channels, n, &ids.last);
    ids.last.at = ids.after.at = 0;
    for (size_t i = 0; i < n; i++) { /* a gap event that can't be sent ends the stream, and them */
        sse_follower *f = sse_follower_find(s, channels[i]);

        if (f && !place_cursor(f, options, &ids, options->skip_id >> i & 1))
            untold = true;
    }
    if (untold)
        sse_place_tell(s);
}

/* --- following -------------------------------------------------------------------------------- */

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

/* Makes a follower for each channel, linked by next_of_stream and in no other list. NULL: out of
 * memory. */
static sse_follower *make_followers(sse_stream *s, sse_channel *const *channels, size_t n,
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

/* Puts the follower at the front of its channel's list: a round under way does not meet it. */
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

/* Puts the followers into the lists of the stream and of their channels. They stand at the head
 * until place_cursor. */
static void attach(sse_follower *list)
{
    sse_stream *s = list->stream;
    sse_follower **last = &s->followers;

    while (*last)
        last = &(*last)->next_of_stream;
    *last = list;
    sse_stream_reset_dictionary(s);
    for (sse_follower *f = list; f; f = f->next_of_stream) {
        insert(f->channel, f);
        f->cursor = f->channel->log.next;
        sse_presence_note(&f->channel->presence, s, true, f->channel->count, SSE_NOT_ENDED);
    }
}

/* The server context tells followers when their stream takes bytes again, when its heartbeat is
 * due, when it has ended, and when the turn has. */
static void set_callbacks(sse_context *context)
{
    context->on_stream_ready = sse_delivery_resume;
    context->on_stream_heartbeat = sse_place_on_heartbeat;
    context->on_stream_ended = sse_follower_leave_all;
    context->free_followers = sse_follower_free_left;
}

int sse_stream_follow(sse_stream *s, sse_channel *const *channels, size_t n,
                      const sse_follow_options *options, size_t *bad)
{
    sse_context *context = s->exchange->context;
    sse_follower *list = NULL;
    uint64_t now = 0;
    int code = check(s, channels, n, bad);

    if (code || n == 0)
        return code;
    list = make_followers(s, channels, n, options);
    if (!list)
        return SSE_ENOMEM;
    set_callbacks(context);
    attach(list);
    place_cursors(s, channels, n, options);
    now = sse_loop_now_us(context->loop); /* all share one service's time */
    for (size_t i = 0; i < n; i++) {
        if (!(list = sse_follower_find(s, channels[i])))
            continue;
        channels[i]->now = now;
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
