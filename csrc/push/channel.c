#include "channel.h"

#include <stdlib.h>

#define BETWEEN_LOOKS 16                 /* followers served between two looks at the clock */
#define BATCH_BYTES   ((size_t)64 << 10) /* events joined in one frame */
#define AGING_MIN_MS  10
#define EPOCH_CHARS   8

const char *const sse_gap_names[SSE_GAPS] = { "expired", "unknown", "slow" };

const uint64_t sse_delay_bounds[SSE_DELAYS - 1] = { 100,    250,    500,     1000,    2500,
                                                    5000,   10000,  25000,   50000,   100000,
                                                    250000, 500000, 1000000, 2500000, 10000000 };

/* --- several events in one frame -------------------------------------------------------------- */

/* A frame of the log stays, but not what was made for those who were served: the log's bounds are
 * for the events alone. */
static void forget(sse_batch *b)
{
    if (b->frame)
        sse_frame_drop_deflated(b->frame);
    sse_frame_unref(b->frame);
    b->frame = NULL;
}

static void forget_batches(sse_channel *c)
{
    for (int i = 0; i < SSE_BATCHES; i++)
        forget(&c->batches[i]);
}

/* At the end of the turn: drops batches made outside of a round, and the log of a closed channel
 * that has lost its last follower. */
static void tidy(void *arg)
{
    sse_channel *c = arg;

    forget_batches(c);
    if (c->closed && c->count == 0)
        sse_log_clear(&c->log);
}

/* How far a batch from there goes: its payload and its events. */
static uint64_t batch_end(const sse_channel *c, uint64_t from, size_t *bytes, uint32_t *events)
{
    uint64_t to = from;

    *bytes = 0;
    *events = 0;
    for (; to < c->log.next; to++) {
        const sse_log_entry *e = sse_log_at(&c->log, to);

        if (e->superseded)
            continue;
        if (*events > 0 && *bytes + e->frame->payload > BATCH_BYTES)
            break;
        *bytes += e->frame->payload;
        ++*events;
    }
    return to;
}

static sse_frame *join(const sse_channel *c, uint64_t from, uint64_t to, size_t bytes)
{
    sse_frame *f = sse_frame_alloc(bytes);
    char *at = f ? sse_frame_body(f) : NULL;

    for (uint64_t i = from; f && i < to; i++) {
        const sse_log_entry *e = sse_log_at(&c->log, i);
        sse_slice payload = sse_frame_payload(e->frame);

        if (e->superseded)
            continue;
        memcpy(at, payload.at, payload.len);
        at += payload.len;
    }
    return f;
}

static int make_batch(const sse_channel *c, uint64_t from, sse_batch *b)
{
    size_t bytes = 0;
    uint32_t events = 0;

    b->from = from;
    b->to = batch_end(c, from, &bytes, &events);
    if (events == 1) { /* the newest of a key is not superseded, so there is one */
        while (sse_log_at(&c->log, from)->superseded)
            from++;
        b->frame = sse_frame_ref(sse_log_at(&c->log, from)->frame);
        return SSE_OK;
    }
    b->frame = join(c, from, b->to, bytes);
    if (!b->frame)
        return SSE_ENOMEM;
    b->frame->events = events;
    return SSE_OK;
}

/* Followers stand at the same places as a rule: what one gets is kept for the others. */
int sse_channel_batch(sse_channel *c, uint64_t from, sse_frame **out, uint64_t *to)
{
    sse_batch *b = NULL;
    int code = SSE_OK;

    if (c->batch_head != c->log.next)
        forget_batches(c);
    c->batch_head = c->log.next;
    for (int i = 0; i < SSE_BATCHES && !b; i++)
        if (c->batches[i].frame && c->batches[i].from == from)
            b = &c->batches[i];
    if (!b) {
        b = &c->batches[c->next_batch++ % SSE_BATCHES];
        forget(b);
        code = make_batch(c, from, b);
        if (code)
            return code;
        if (!c->round)
            sse_loop_defer(c->loop, &c->tidy);
    }
    *out = sse_frame_ref(b->frame);
    *to = b->to;
    return SSE_OK;
}

/* --- rounds: everybody is brought up to the head --------------------------------------------- */

static void begin_round(sse_channel *c)
{
    c->round = c->log.next;
    c->now = sse_loop_now_us(c->loop);
    c->leaving = sse_log_trims_to(&c->log, c->now); /* by end_round */
    c->overtaken = false;
    c->lagging = c->waiting_now = UINT64_MAX;
    c->next_due = c->followers;
}

static void end_round(sse_channel *c)
{
    uint64_t reached = c->round < c->lagging ? c->round : c->lagging;

    c->round = c->leaving = 0;
    c->settled = reached;
    c->waiting = c->waiting_now;
    forget_batches(c);
    if (reached < c->log.next && c->count > 0) {
        sse_loop_defer(c->loop, &c->flush);
        return;
    }
    sse_log_trim(&c->log, c->now);
    if (c->overtaken) /* the next round ends their streams */
        sse_loop_defer(c->loop, &c->flush);
}

#if defined(__GNUC__)
#define PREFETCH(address) __builtin_prefetch(address)
#else
#define PREFETCH(address) ((void)(address))
#endif

/* Thousands of streams outgrow the caches, and each is a chain of pointers: what the next few need
 * is fetched side by side. */
static void fetch(const sse_follower *f)
{
    const sse_exchange *x[BETWEEN_LOOKS];
    const sse_stream *s[BETWEEN_LOOKS];
    int n = 0;

    for (; f && n < BETWEEN_LOOKS; f = f->next, n++) {
        s[n] = f->stream;
        PREFETCH(s[n]);
    }
    for (int i = 0; i < n; i++) {
        x[i] = s[i]->exchange;
        PREFETCH(x[i]);
    }
    for (int i = 0; i < n; i++)
        PREFETCH(x[i]->session);
    for (int i = 0; i < n; i++) {
        if (x[i]->session)
            PREFETCH(x[i]->transport->connection(x[i]));
    }
}

/* Serves followers until the round is over or, where `sliced`, the turn's time is. Who would be
 * overtaken by the trim at the round's end gets all that its socket takes. */
static bool go_on(sse_channel *c, size_t limit, bool sliced)
{
    c->now = sse_loop_now_us(c->loop);
    while (c->next_due) {
        fetch(c->next_due);
        for (int i = 0; i < BETWEEN_LOOKS && c->next_due; i++) {
            sse_follower *f = c->next_due;

            if (f->filter) /* who knows what it does */
                i = BETWEEN_LOOKS;
            c->next_due = f->next;
            c->call->pump(f, f->cursor < c->leaving ? SIZE_MAX : limit);
        }
        c->now = sse_loop_now_us(c->loop);
        if (sliced && c->next_due && sse_loop_slice_over(c->loop, c->now))
            return false;
    }
    return true;
}

static void flush(void *arg)
{
    sse_channel *c = arg;

    if (!c->round)
        begin_round(c);
    if (go_on(c, SSE_PUMP_BYTES, true))
        end_round(c);
    else
        sse_loop_defer(c->loop, &c->flush);
}

/* A whole round at once. */
static void flush_now(sse_channel *c)
{
    begin_round(c);
    go_on(c, SIZE_MAX, false);
    end_round(c);
}

/* Before a publish. While there are followers the log may grow past its limits (it is stretched)
 * until the round at the end of the turn has served them and trims it. Only where a burst within
 * one turn is too large even for that are the followers served from here, so that none who reads
 * loses an event. Followers whose client took no more are tried again then, once a turn, because
 * the loop has no turn to see that it does. No stream ends meanwhile: see end_stream in follower.c.
 */
static void make_room(sse_channel *c, size_t bytes)
{
    uint64_t turn = sse_loop_turns(c->loop), owed = c->settled;

    c->now = sse_loop_now_us(c->loop);
    c->log.stretched = c->count > 0;
    if (!c->log.stretched)
        return;
    if (c->retried != turn && c->waiting < owed)
        owed = c->waiting;
    if (sse_log_would_keep(&c->log, bytes, c->now) <= owed)
        return;
    c->retried = turn;
    c->publishing = true;
    flush_now(c);
    c->publishing = false;
}

/* --- aging ------------------------------------------------------------------------------------ */

static void age_later(sse_channel *c)
{
    uint64_t due = 0, ms = 0;

    c->ages = c->log.limits.max_age && c->log.first < c->log.next && !c->closed;
    if (!c->ages)
        return;
    due = sse_log_at(&c->log, c->log.first)->time + c->log.limits.max_age;
    ms = due > c->now ? (due - c->now) / 1000 + 1 : 0;
    sse_timer_start(&c->aging, ms > AGING_MIN_MS ? ms : AGING_MIN_MS, false);
}

static void on_aged(void *arg)
{
    sse_channel *c = arg;
    uint64_t owed = c->settled < c->waiting ? c->settled : c->waiting;

    c->now = sse_loop_now_us(c->loop);
    if (c->count > 0 && sse_log_trims_to(&c->log, c->now) > owed)
        flush_now(c);
    sse_log_trim(&c->log, c->now);
    age_later(c);
}

/* --- publishing ------------------------------------------------------------------------------- */

static int encode(const sse_channel *c, const sse_publication *p, sse_frame **out, size_t *id_line,
                  const char **field)
{
    char own[SSE_MAX_ID];
    sse_event event = p->event;
    sse_slice id = event.id;
    sse_buffer bytes;
    int code = SSE_OK;

    if (!id.at) {
        id.at = own;
        id.len = sse_log_id(&c->log, c->log.next, own);
    }
    *id_line = id.len + 5;
    event.id = (sse_slice){ 0 };
    sse_buffer_init(&bytes, SIZE_MAX);
    code = sse_encode_id(&bytes, id, field);
    if (!code)
        code = sse_encode_event(&bytes, &event, field);
    if (!code) {
        *out = sse_frame_new(sse_buffer_slice(&bytes));
        code = *out ? SSE_OK : SSE_ENOMEM;
    }
    sse_buffer_free(&bytes);
    return code;
}

static int publish(sse_channel *c, const sse_publication *p, const char **field)
{
    bool keyed = c->slow == SSE_SLOW_LATEST; /* elsewhere everything is owed */
    sse_slice tags[SSE_LOG_TAGS] = { p->event.id, keyed ? p->key : (sse_slice){ 0 }, p->dedupe };
    sse_frame *frame = NULL;
    size_t id_line = 0;
    int code = encode(c, p, &frame, &id_line, field);

    if (code)
        return code;
    frame->events = 1;
    make_room(c, sse_frame_chunk(frame).len);
    code = sse_log_append(&c->log, frame, id_line, tags, c->now);
    sse_frame_unref(frame);
    return code;
}

int sse_channel_publish(sse_channel *c, const sse_publication *p, uint64_t *position,
                        const char **field)
{
    int code = SSE_OK;

    if (c->closed || c->filtering)
        return c->closed ? SSE_ECLOSED : SSE_EBUSY;
    *position = sse_log_find(&c->log, SSE_LOG_DEDUPE, p->dedupe);
    if (*position) {
        c->counters.repeated++;
        return SSE_OK;
    }
    code = sse_log_find(&c->log, SSE_LOG_ID, p->event.id) ? SSE_EEXIST : publish(c, p, field);
    if (code) {
        c->counters.refused++;
        return code;
    }
    *position = c->log.next - 1;
    c->counters.published++;
    if (c->count > 0 || c->log.limits.max_count == 0)
        sse_loop_defer(c->loop, &c->flush);
    if (!c->ages)
        age_later(c);
    return SSE_OK;
}

sse_slice sse_channel_id(const sse_channel *c, uint64_t position)
{
    const sse_log_entry *e = sse_log_at(&c->log, position);

    return (sse_slice){ sse_frame_payload(e->frame).at + 4, e->id_line - 5 };
}

/* --- presence --------------------------------------------------------------------------------- */

static void tell_one(sse_channel *c)
{
    sse_presence *p = c->told;

    c->told = p->next;
    if (!c->told)
        c->told_tail = &c->told;
    if (c->on->on_presence)
        c->on->on_presence(c->user, p->joined, p->followers, (sse_reason)p->reason);
    free(p);
}

/* As many as there is time for: they come by the hundred a turn. The call may free the channel. */
static void tell(void *arg)
{
    sse_channel *c = arg;
    sse_loop *loop = c->loop;
    bool freed = false;

    c->freed = &freed;
    for (bool over = false; !freed && c->told && !over;) {
        tell_one(c);
        over = sse_loop_slice_over(loop, sse_loop_now_us(loop));
    }
    if (freed)
        return;
    c->freed = NULL;
    if (c->told)
        sse_loop_defer(loop, &c->telling);
}

void sse_channel_changed(sse_channel *c, bool joined, sse_reason reason)
{
    sse_presence *p = NULL;

    if (!joined && c->count == 0 && c->on->on_alone)
        c->on->on_alone(c->user);
    if (!c->presence)
        return;
    p = malloc(sizeof *p);
    if (!p)
        return; /* the count is right all the same */
    *p = (sse_presence){ .joined = joined, .reason = (uint8_t)reason, .followers = c->count };
    *c->told_tail = p;
    c->told_tail = &p->next;
    sse_loop_defer(c->loop, &c->telling);
}

/* --- birth and end ---------------------------------------------------------------------------- */

static void make_epoch(char epoch[EPOCH_CHARS + 1])
{
    unsigned char random[EPOCH_CHARS];

    evutil_secure_rng_get_bytes(random, sizeof random);
    for (int i = 0; i < EPOCH_CHARS; i++)
        epoch[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[random[i] % 36];
    epoch[EPOCH_CHARS] = '\0';
}

int sse_channel_new(sse_loop *loop, const sse_channel_options *options, void *user,
                    const sse_channel_events *on, sse_channel **out)
{
    sse_channel *c = calloc(1, sizeof *c);
    char epoch[EPOCH_CHARS + 1];

    if (!c)
        return SSE_ENOMEM;
    c->name = strndup(options->name.at, options->name.len);
    c->gap_event = strndup(options->gap_event.at, options->gap_event.len);
    if (!c->name || !c->gap_event) {
        free(c->name);
        free(c->gap_event);
        free(c);
        return SSE_ENOMEM;
    }
    make_epoch(epoch);
    sse_log_init(&c->log, &options->history, epoch, sse_loop_seed(loop));
    sse_position_tag(sse_loop_seed(loop), options->name, c->tag);
    c->loop = loop;
    c->user = user;
    c->on = on;
    c->slow = options->slow;
    c->max_lag = options->max_lag;
    c->settled = c->log.next;
    c->waiting = c->waiting_now = UINT64_MAX;
    c->told_tail = &c->told;
    sse_deferred_init(&c->flush, flush, c);
    sse_deferred_init(&c->telling, tell, c);
    sse_deferred_init(&c->tidy, tidy, c);
    sse_timer_init(&c->aging, loop, on_aged, c);
    *out = c;
    return SSE_OK;
}

int sse_channel_close(sse_channel *c)
{
    if (c->filtering)
        return SSE_EBUSY;
    if (c->closed)
        return SSE_OK;
    c->closed = true;
    flush_now(c); /* who has everything is let go, the others when they have */
    if (c->count == 0)
        sse_log_clear(&c->log);
    return SSE_OK;
}

static const sse_channel_events unheard = { 0 };

void sse_channel_free(sse_channel *c)
{
    if (!c)
        return;
    c->on = &unheard;
    c->presence = false;
    c->closed = true;
    while (c->followers)
        c->call->leave(c->followers, SSE_END_SERVER);
    sse_loop_undefer(c->loop, &c->flush);
    sse_loop_undefer(c->loop, &c->telling);
    sse_loop_undefer(c->loop, &c->tidy);
    if (c->freed)
        *c->freed = true;
    sse_timer_stop(&c->aging);
    while (c->told) {
        sse_presence *p = c->told;

        c->told = p->next;
        free(p);
    }
    forget_batches(c);
    sse_log_free(&c->log);
    free(c->name);
    free(c->gap_event);
    free(c);
}
