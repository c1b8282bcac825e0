#include "follow.h"

#include "delivery.h"
#include "follower.h"
#include "gap.h"
#include "lists.h"
#include "place.h"
#include "resume.h"

/* --- the first event -------------------------------------------------------------------------- */

uint64_t sse_follow_first(const sse_channel *c, const sse_follow_options *options,
                          const sse_view *view)
{
    uint64_t first = view ? view->oldest : c->log.first;
    uint64_t next = view ? view->newest : c->log.next;

    switch (options->from) {
    case SSE_FROM_OLDEST:
        return first;
    case SSE_FROM_COUNT:
        return options->count < next - first ? next - options->count : first;
    default:
        return next;
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
    const sse_view *const *views;  /* of each channel; NULL: all begin in their channels' logs */
} begin_ids;

static const sse_view no_view;

/* What the store of the i-th channel says; NULL: the channel's log counts. */
static const sse_view *view_of(const begin_ids *ids, size_t i)
{
    return ids->views ? ids->views[i] : NULL;
}

/* Sets the cursor of the i-th channel's follower by the client's id, by `after` or by `from`, the
 * first of them that says something about the channel. Returns whether the client's id goes on to
 * be right. */
static bool place_cursor(sse_follower *f, const sse_follow_options *options, begin_ids *ids,
                         size_t i)
{
    sse_channel *c = f->channel;
    const sse_view *view = view_of(ids, i), *own = view ? view : &no_view;
    sse_last_id *id = options->skip_id >> i & 1 ? &ids->none : &ids->last;
    sse_resume r = sse_resume_locate(c, id, view, own->last);
    bool by_client =
        r.form != SSE_RESUME_NO_ID && (sse_resume_is_known(&r) || !f->stream->id_known);
    bool found = false;

    if (!by_client) {
        id = &ids->after;
        r = sse_resume_locate(c, id, view, own->after);
    }
    f->lost_epoch = false;
    if (by_client || (r.form != SSE_RESUME_NO_ID && (sse_resume_is_known(&r) || !ids->after_known)))
        found = place_by_id(f, &r, id->text);
    else
        f->cursor = sse_follow_first(c, options, view);
    if (f->cursor < c->owed_writable)
        c->owed_writable = f->cursor; /* another channel's filter may publish before f is served */
    return by_client && found;
}

/* Whether one of the channels knows the id. Then the id says nothing about the others; an id that
 * none knows may be of any of them. */
static bool is_id_known(sse_channel *const *channels, size_t n, const begin_ids *ids,
                        sse_last_id *id)
{
    bool known = false;

    for (size_t i = 0; i < n && !known; i++) {
        const sse_view *view = view_of(ids, i), *own = view ? view : &no_view;
        sse_resume r =
            sse_resume_locate(channels[i], id, view, id == &ids->last ? own->last : own->after);

        known = r.form != SSE_RESUME_NO_ID && sse_resume_is_known(&r);
    }
    return known;
}

/* Places the stream's new followers, and tells the client where it stands unless its id says that.
 */
static void place_cursors(sse_stream *s, sse_channel *const *channels, size_t n,
                          const sse_follow_options *options, const sse_view *const *views)
{
    begin_ids ids = { .last = sse_last_id_read(options->last_id),
                      .after = sse_last_id_read(options->after),
                      .views = views };
    bool untold = false;

    ids.after_known = is_id_known(channels, n, &ids, &ids.after);
    s->id_known = s->id_known || is_id_known(channels, n, &ids, &ids.last);
    ids.last.at = ids.after.at = 0;
    for (size_t i = 0; i < n; i++) { /* a gap event that can't be sent ends the stream, and them */
        sse_follower *f = sse_follower_find(s, channels[i]);

        if (f && !place_cursor(f, options, &ids, i))
            untold = true;
    }
    if (untold)
        sse_place_tell(s);
}

/* --- where a window is not enough ------------------------------------------------------------- */

/* Whether the window tells for certain where a follower with the id begins, or that the id says
 * nothing about the channel. */
static bool is_certain_id(const sse_channel *c, sse_last_id *id, bool *places)
{
    sse_resume r = sse_resume_locate(c, id, NULL, 0);

    *places = r.form != SSE_RESUME_NO_ID && r.form != SSE_RESUME_NO_PART;
    return !*places || r.place == SSE_LOG_FOUND;
}

/* Whether the channel's log tells where a follower begins. Where it is a window, that is so for
 * what it holds, if it is up to date. */
static bool is_certain(const sse_channel *c, const sse_follow_options *options, bool skip_id)
{
    sse_last_id last = sse_last_id_read(options->last_id);
    sse_last_id after = sse_last_id_read(options->after);
    bool places = false, certain = true;

    if (!c->window)
        return true;
    if (!c->window->loaded)
        return false;
    if (!skip_id)
        certain = is_certain_id(c, &last, &places);
    if (certain && !places)
        certain = is_certain_id(c, &after, &places);
    if (!certain || places)
        return certain;
    return options->from == SSE_FROM_NEWEST || c->log.first <= c->window->first ||
           (options->from == SSE_FROM_COUNT && options->count <= c->log.next - c->log.first);
}

static bool all_certain(sse_channel *const *channels, size_t n, const sse_follow_options *options)
{
    bool certain = true;

    for (size_t i = 0; i < n && certain; i++)
        certain = is_certain(channels[i], options, options->skip_id >> i & 1);
    return certain;
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
        if (channels[*bad]->closed || channels[*bad]->refusing)
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
        if (f->channel->count++ == 0)
            f->channel->owed_writable = f->channel->log.next;
        sse_lists_insert(f);
        f->cursor = f->channel->log.next;
        if (f->channel->on->on_count)
            f->channel->on->on_count(f->channel->user);
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
    if (s->placing || !all_certain(channels, n, options)) {
        s->placing = true;
        return SSE_EAGAIN;
    }
    place_cursors(s, channels, n, options, NULL);
    now = sse_loop_now_us(context->loop); /* all share one service's time */
    for (size_t i = 0; i < n; i++) {
        if (!(list = sse_follower_find(s, channels[i])))
            continue;
        channels[i]->now = now;
        sse_delivery_serve(list, SSE_DELIVERY_BYTES);
    }
    return SSE_OK;
}

void sse_stream_place(sse_stream *s, sse_channel *const *channels, size_t n,
                      const sse_follow_options *options, const sse_view *const *views)
{
    if (!sse_stream_closed(s))
        place_cursors(s, channels, n, options, views);
}

void sse_stream_placed(sse_stream *s)
{
    s->placing = false;
    if (!sse_stream_closed(s))
        sse_delivery_resume(s);
}

bool sse_stream_unfollow(sse_stream *s, sse_channel *c)
{
    sse_follower *f = sse_follower_find(s, c);

    if (f)
        sse_follower_leave(f, SSE_NOT_ENDED);
    return f != NULL;
}
