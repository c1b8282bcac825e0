/* channel_fuzz.c: channels, followers and sessions stay consistent, and each stream ends exactly
 * once, whatever clients send and whatever handlers, filters and callbacks do.
 *
 * An input begins with a struct plan, which chooses limits, slow policies and what the callbacks
 * do. The rest is a list of operations, a byte and its arguments each: clients send bytes and
 * frames, the loop turns, time passes, or the program acts. Handlers, filters and callbacks act in
 * the same ways. Time is the target's own: see clock.h. */
#include <string.h>

#include "../csrc/push/channel.h"
#include "../csrc/push/follow.h"
#include "../csrc/push/heartbeat.h"
#include "clock.h"
#include "peer.h"

#define CHANNELS    3
#define PEERS       3
#define STREAMS     24
#define ACTS        200 /* most acts of callbacks in an input: one may cause the next */
#define DEPTH       6   /* most acts within one another */
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* A request of a client: one of the two is set. */
typedef struct slot {
    sse_stream *stream;
    sse_exchange *unanswered;
} slot;

typedef struct filter {
    sse_filter base;
    uint8_t mode;
} filter;

/* limits: bits 0 to 1 and 4: small limits; 2: channels close first at the end; 3: clients read all
 * at the end. logs: bounds of the channels' logs. The others: the act of each callback, 0: none. */
typedef struct plan {
    uint8_t limits, logs, on_end, on_drain, on_filter, on_presence;
} plan;

static sse_loop *loop;
static sse_context context;
static sse_channel *channels[CHANNELS];
static slot slots[STREAMS];
static peer peers[PEERS];
static plan the_plan;
static int open_exchanges, filters, filtering, depth, acts_left;
static char text[70000];

static void act(uint8_t what, uint8_t arg);

/* Does the act of a callback, as the plan has it, each time on another object. */
static void act_in_callback(uint8_t what)
{
    if (!what || acts_left == 0 || depth >= DEPTH)
        return;
    acts_left--;
    act(what, (uint8_t)(acts_left * 37));
}

/* --- streams and their filters ---------------------------------------------------------------- */

static void on_end(void *user, sse_reason reason)
{
    slot *s = user;

    require(reason != SSE_NOT_ENDED, "an end without a reason");
    require(s->stream || s->unanswered, "an end that was told before");
    s->stream = NULL;
    s->unanswered = NULL;
    open_exchanges--;
    act_in_callback(the_plan.on_end);
}

static void on_drain(void *user)
{
    (void)user;
    act_in_callback(the_plan.on_drain);
}

static const sse_exchange_events events = { .on_end = on_end, .on_drain = on_drain };

static slot *free_slot(void)
{
    size_t i = 0;

    while (i < STREAMS && (slots[i].stream || slots[i].unanswered))
        i++;
    return i < STREAMS ? &slots[i] : NULL;
}

static int filter_wants(sse_filter *base, const sse_channel *c, uint64_t position)
{
    filter *f = (filter *)base;
    sse_publication p = { .event = { .data = SSE_SLICE("no"), .retry = SSE_NO_RETRY } };
    uint64_t at = 0;
    uint8_t mode = f->mode;
    int code = 0;

    require(position >= c->log.oldest && position < c->log.next, "a filter is asked what is held");
    base->refs++; /* the act may drop the last other reference */
    filtering++;
    act_in_callback(the_plan.on_filter);
    filtering--;
    if (mode & 4) {
        code = sse_channel_publish((sse_channel *)c, &p, &at, NULL);
        require(code == SSE_EBUSY || code == SSE_ECLOSED, "no publish within a filter");
    }
    if (--base->refs == 0)
        base->release(base);
    return mode & 2 && position % 7 == 0 ? SSE_ENOMEM : position % 3 != 0;
}

static void release_filter(sse_filter *base)
{
    filters--;
    free(base);
}

static sse_filter *new_filter(uint8_t mode)
{
    filter *f = malloc(sizeof *f);

    require(f, "memory");
    *f = (filter){ .base = { filter_wants, release_filter, 1 }, .mode = mode };
    filters++;
    return &f->base;
}

/* Bits of `what`: 0 to 2: the channels; 3: with a filter of that mode; 4 and up: where to begin. */
static void follow(slot *s, uint8_t what, uint8_t mode, sse_slice id)
{
    sse_channel *list[CHANNELS];
    sse_follow_options options = { .last_id = id, .from = (what >> 4) % 3, .count = 3 };
    size_t n = 0, bad = 0;
    int code = 0;

    for (size_t i = 0; i < CHANNELS; i++)
        if (what >> i & 1)
            list[n++] = channels[i];
    if (n == 0 || !s->stream)
        return;
    options.filter = what & 8 ? new_filter(mode) : NULL;
    code = sse_stream_follow(s->stream, list, n, &options, &bad);
    require(code == 0 || code == SSE_ECLOSED || code == SSE_EEXIST, "a known result of follow");
    if (options.filter && --options.filter->refs == 0)
        options.filter->release(options.filter);
}

/* --- channels --------------------------------------------------------------------------------- */

static void on_presence(void *user, const sse_presence_change *change)
{
    (void)user;
    require(!change->joined || (change->followers > 0 && change->reason == SSE_NOT_ENDED),
            "who joins is there");
    act_in_callback(the_plan.on_presence);
}

static const sse_channel_events channel_events = { .presence.on_presence = on_presence };

static void new_channel(size_t i)
{
    static const size_t counts[] = { 0, 1, 2, 10, 1000 };
    static const uint64_t bytes[] = { 8 << 20, 100000, 8 << 20, 2000 };
    static const uint64_t ages[] = { 0, 0, 0, 50000 };
    char name[] = { 'a' + (char)i, '\0' };
    uint8_t kind = (uint8_t)(the_plan.logs >> i * 2);
    sse_channel_options options = {
        .name = { name, 1 },
        .history = { counts[(the_plan.logs + i) % COUNT(counts)], bytes[kind & 3],
                     ages[kind >> 1 & 3] },
        .slow = (sse_slow)i,
        .max_lag = the_plan.logs & 128 ? 500 : 0,
        .gap_event = SSE_SLICE("gap"),
    };

    require(!sse_channel_new(loop, &options, NULL, &channel_events, &channels[i]), "a channel");
    channels[i]->presence.wanted = the_plan.on_presence != 0;
}

/* Replaces a channel that is closed and has no followers, unless a filter is running. */
static void replace_channel(size_t i)
{
    if (!channels[i]->closed || channels[i]->count > 0 || filtering > 0)
        return;
    sse_channel_free(channels[i]);
    new_channel(i);
}

static void publish(size_t i, size_t len, uint8_t arg)
{
    static const char *const names[] = { "", "k", "l", "m" };
    sse_slice key = { names[arg & 3], (arg & 3) != 0 };
    sse_slice other = { names[arg >> 2 & 3], (arg >> 2 & 3) == 3 };
    sse_publication p = {
        .event = { .data = { text, len }, .retry = SSE_NO_RETRY },
        .key = key.len ? key : (sse_slice){ 0 },
        .dedupe = other.len ? other : (sse_slice){ 0 },
    };
    uint64_t position = 0;
    const char *field = NULL;
    int code = sse_channel_publish(channels[i], &p, &position, &field);

    require(code == SSE_OK || code == SSE_EBUSY || code == SSE_ECLOSED || code == SSE_ETOOBIG,
            "a known result of publish");
}

/* Each channel's list of followers agrees with its count and with the streams' lists. */
static void check_channels(void)
{
    for (size_t i = 0; i < CHANNELS; i++) {
        sse_channel *c = channels[i];
        size_t n = 0;

        for (sse_follower *f = c->followers; f; f = f->next, n++) {
            sse_follower *g = f->stream->followers;

            require(f->channel == c && *f->link == f, "a follower that is in its list");
            require(f->cursor <= c->log.next, "a cursor within the log");
            require(!f->in_service && !f->left, "a follower at rest");
            while (g && g != f)
                g = g->next_of_stream;
            require(g, "a follower that its stream knows");
        }
        require(n == c->count, "a count of followers");
    }
}

/* --- acts ------------------------------------------------------------------------------------- */

static const size_t sizes[] = { 1, 10, 300, 3000, 20000, 69999 };

static void send_text(sse_stream *s, uint8_t arg)
{
    sse_event event = { .data = { text, sizes[arg % COUNT(sizes)] }, .retry = SSE_NO_RETRY };
    const char *field = NULL;

    if (arg & 64)
        sse_stream_comment(s, event.data);
    else
        sse_stream_send(s, &event, &field);
}

static void act_on_stream(uint8_t what, uint8_t arg)
{
    slot *s = &slots[arg % STREAMS];

    if (!s->stream)
        return;
    switch (what) {
    case 0:
        send_text(s->stream, arg);
        break;
    case 1:
        sse_stream_close(s->stream);
        break;
    case 2:
        sse_stream_abort(s->stream, SSE_END_ERROR);
        break;
    case 3:
        sse_stream_unfollow(s->stream, channels[arg / STREAMS % CHANNELS]);
        break;
    case 4:
        follow(s, (uint8_t)(1u << arg % CHANNELS | (arg & 0x38)), arg, (sse_slice){ 0 });
        break;
    case 5:
        sse_stream_end_slow(s->stream);
        break;
    case 6:
        sse_stream_end_after(s->stream, arg, arg);
        break;
    case 7: /* the clock begins at 1000 s, and seldom goes beyond 1001 s */
        sse_stream_expire_at(s->stream, arg & 0x80 ? 1000 + arg % 3 : 0);
        break;
    default:
        sse_stream_pending(s->stream);
    }
}

static void act_on_unanswered(uint8_t arg)
{
    slot *s = &slots[arg % STREAMS];
    size_t bad = 0;

    if (!s->unanswered)
        return;
    if (arg & 32)
        sse_exchange_abort(s->unanswered, SSE_END_ERROR);
    else
        sse_exchange_reply(s->unanswered, 200, NULL, 0, (sse_slice){ text, sizes[arg & 3] }, &bad);
}

static void act(uint8_t what, uint8_t arg)
{
    size_t i = arg % CHANNELS;

    depth++;
    switch (what % 18) {
    case 1 ... 3:
        publish(i, sizes[arg / CHANNELS % COUNT(sizes)], arg >> 4);
        break;
    case 4:
        for (int n = 0; n < 20; n++)
            publish(i, 10, (uint8_t)(n & 3));
        break;
    case 5:
        sse_channel_close(channels[i]);
        break;
    case 6:
        replace_channel(i);
        break;
    case 7 ... 14:
        act_on_stream(what % 18 - 7, arg);
        break;
    case 15:
        act_on_unanswered(arg);
        break;
    case 16:
        sse_context_shut_down(&context, arg, 1000);
        break;
    case 17:
        if (arg % 16 == 0)
            sse_context_close_all(&context);
        break;
    default:
        sse_fuzz_advance(4); /* longer than a slice of a round */
    }
    depth--;
}

/* --- handlers --------------------------------------------------------------------------------- */

static sse_slice last_id(const sse_request *r)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i].name.len == 13 && (r->fields[i].name.at[0] | 32) == 'l')
            return r->fields[i].value;
    return (sse_slice){ 0 };
}

static void open_stream(slot *s, const uint8_t what[4])
{
    sse_exchange *x = s->unanswered;
    sse_stream_options options = {
        .status = 200,
        .retry = SSE_NO_RETRY,
        .heartbeat = what[3] & 4 ? 20 : SSE_HEARTBEAT_DEFAULT,
        .max_life = what[3] & 0x80 ? what[3] & 0x7f : SSE_MAX_LIFE_DEFAULT,
        .compress = (sse_compress)(what[3] % 3),
    };
    char id[300];
    sse_slice given = last_id(x->request);
    size_t bad = 0;

    if (given.len > sizeof id)
        given.len = sizeof id;
    if (given.len)
        memcpy(id, given.at, given.len); /* opening the stream frees the request */
    if (sse_stream_open(x, &options, &s->stream, &bad)) {
        sse_exchange_abort(x, SSE_END_ERROR);
        return;
    }
    s->unanswered = NULL;
    sse_stream_set_events(s->stream, s, &events);
    if (what[3] & 8)
        act_in_callback(what[2]);
    follow(s, what[1], what[2], (sse_slice){ id, given.len });
}

static void on_request(void *user, sse_exchange *x)
{
    slot *s = free_slot();
    uint8_t what[4];
    size_t bad = 0;

    (void)user;
    peer_read_target(x->request->target, what);
    if (!s) {
        sse_exchange_abort(x, SSE_END_ERROR);
        return;
    }
    *s = (slot){ .unanswered = x };
    x->user = s;
    x->on = &events;
    open_exchanges++;
    switch (what[0]) {
    case 'f':
        open_stream(s, what);
        return;
    case 'h':
        return; /* an act may answer it later */
    case 'b':
        publish(what[1] % CHANNELS, sizes[what[2] % COUNT(sizes)], what[3]);
        break;
    default:
        act(what[1], what[2]);
    }
    if (!s->unanswered)
        return; /* on_end was called */
    if (what[3] & 1)
        sse_exchange_reply(x, 204, NULL, 0, (sse_slice){ 0 }, &bad);
    if (what[3] & 2)
        act_in_callback(what[1]);
    if (x->state == SSE_EXCHANGE_OPEN)
        sse_exchange_abort(x, SSE_END_ERROR);
}

/* --- operations ------------------------------------------------------------------------------- */

static void do_nothing(void *arg)
{
    (void)arg;
}

/* Turns the loop once; the deferred call keeps it from waiting. */
static void turn(void)
{
    static sse_deferred soon;
    bool kept = false;

    if (!soon.call)
        sse_deferred_init(&soon, do_nothing, NULL);
    sse_loop_defer(loop, &soon);
    sse_loop_turn(loop, &kept);
    check_channels();
}

/* Advances the clock. libevent's timers have another clock, so the events of those that may be due
 * are activated by hand. */
static void pass_time(uint64_t ms)
{
    sse_fuzz_advance(ms);
    event_active(&context.wheel.timer.event, EV_TIMEOUT, 0);
    for (size_t i = 0; i < CHANNELS; i++)
        if (channels[i]->aging_runs)
            event_active(&channels[i]->aging.event, EV_TIMEOUT, 0);
}

/* Writes the id of one of a channel's last events, or an empty one, for a Last-Event-ID. */
static void make_id(uint8_t arg, char out[SSE_MAX_ID])
{
    const sse_log *log = &channels[arg % CHANNELS]->log;
    uint64_t back = arg / CHANNELS % 8;

    if (arg == 0)
        out[0] = '\0';
    else
        sse_log_id(log, log->next > back ? log->next - back : 1, out);
}

static void request(peer *p, input *in, bool http2)
{
    char id[SSE_MAX_ID];

    make_id(take_byte(in), id);
    peer_put_request(p, in, http2, id);
}

static void run_operation(uint8_t code, input *in)
{
    static const uint64_t times[] = { 1, 17, 60, 1100, 2100, 61000 };
    peer *p = &peers[(code >> 4 & 3) % PEERS];
    uint8_t what = 0;

    switch (code & 15) {
    case 2:
        peer_put_bytes(p, in);
        break;
    case 3:
    case 4:
        peer_put_frame(p, in);
        break;
    case 5 ... 8:
        request(p, in, (code & 15) != 8);
        break;
    case 9:
        peer_read(p, (size_t)take_byte(in) * 256);
        break;
    case 10:
        peer_connect(p, &context, in);
        break;
    case 11:
        peer_close(p);
        break;
    case 12:
        peer_shut(p);
        break;
    case 13:
        pass_time(times[take_byte(in) % COUNT(times)]);
        break;
    case 14:
    case 15:
        what = take_byte(in);
        act(what, take_byte(in));
        break;
    default:
        for (int i = 0; i <= (code >> 6); i++)
            turn();
    }
    check_channels();
}

/* --- an input --------------------------------------------------------------------------------- */

static void start(void)
{
    sse_limits limits = {
        .max_head_size = 1024,
        .max_target = 200,
        .max_body_size = 5000,
        .max_bodies = the_plan.limits & 16 ? 30 : 1 << 20,
        .max_pending = the_plan.limits & 1 ? 5000 : 1 << 20,
        .max_pending_total = the_plan.limits & 2 ? 50000 : 1 << 24,
        .head_timeout = 2000,
        .body_timeout = 2000,
        .idle_timeout = 60000,
        .write_timeout = 60000,
        .max_concurrent_requests = 10,
    };

    if (!loop) {
        require(!sse_loop_new(&loop), "a loop");
        sse_loop_ref(loop);
        memset(text, 'x', sizeof text);
    }
    sse_fuzz_restart();
    memset(&context, 0, sizeof context);
    sse_context_start(&context, loop, &limits);
    context.on_request = on_request;
    for (size_t i = 0; i < CHANNELS; i++)
        new_channel(i);
    for (size_t i = 0; i < PEERS; i++)
        peers[i].fd = -1;
    acts_left = ACTS;
}

static void close_channels(void)
{
    for (size_t i = 0; i < CHANNELS; i++)
        sse_channel_close(channels[i]);
}

/* Ends everything: the channels first, after their followers received what they have to, or the
 * connections first, as the plan has it. */
static void stop(void)
{
    acts_left = 0;
    the_plan = (plan){ .limits = the_plan.limits };
    if (the_plan.limits & 4)
        close_channels();
    for (int i = 0; i < 200 && the_plan.limits & 8 && context.count.connections > 0; i++) {
        for (size_t n = 0; n < PEERS; n++)
            peer_read(&peers[n], SIZE_MAX);
        turn();
    }
    sse_context_close_all(&context);
    for (int i = 0; i < 1000 && sse_context_has_work(&context); i++)
        turn();
    require(!sse_context_has_work(&context), "an end of all");
    close_channels();
    for (size_t i = 0; i < PEERS; i++)
        peer_close(&peers[i]);
}

static void check_end(void)
{
    require(open_exchanges == 0, "each exchange ends once");
    require(context.count.connections == 0, "no connection is left");
    require(context.count.streams == 0 && context.count.compressed == 0, "no stream is left");
    require(context.count.queued.pending == 0, "nothing is queued for nobody");
    require(context.count.queued.held == 0, "nothing is held for nobody");
    require(context.count.bodies == 0, "no body is left");
    require(context.count.http2_streams + context.count.http2_connections == 0, "none is left");
    for (size_t i = 0; i < CHANNELS; i++)
        require(channels[i]->count == 0, "no follower is left");
    require(filters == 0, "no filter is left");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input in = { data, size };

    if (size < sizeof the_plan)
        return 0;
    memcpy(&the_plan, data, sizeof the_plan);
    in.at += sizeof the_plan;
    in.len -= sizeof the_plan;
    start();
    while (in.len > 0)
        run_operation(take_byte(&in), &in);
    stop();
    check_end();
    for (size_t i = 0; i < CHANNELS; i++)
        sse_channel_free(channels[i]);
    sse_context_free(&context);
    sse_heartbeats_free(&context);
    return 0;
}
