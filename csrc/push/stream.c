#include "stream.h"

#include <stdlib.h>

#include "../http/response_fields.h"
#include "compressor.h"
#include "expiry.h"
#include "heartbeat.h"

#define MAX_INTERVAL  ((uint32_t)INT32_MAX) /* ms between heartbeats: 24 days */
#define SLOW_END_MS   2000 /* that a slow client has to take what waits and the end */
#define SLOW_RETRY_MS 1000 /* also where nobody can send any more, or the stream has expired */

/* A plain stream has no compressor, and lies in a slab of its own. */
typedef struct compressed_stream {
    sse_stream stream;
    sse_compressor compressor;
} compressed_stream;

static sse_compressor *compressor(sse_stream *s)
{
    return &SSE_CONTAINER_OF(s, compressed_stream, stream)->compressor;
}

static sse_slab *slab_of(sse_context *context, bool compressed)
{
    return compressed ? &context->compressed_streams : &context->streams;
}

static void free_stream(sse_stream *s, sse_context *context)
{
    sse_heartbeat_drop(context, s->heartbeat_number);
    sse_slab_free(slab_of(context, s->compressed), s);
}

/* --- what the exchange tells ------------------------------------------------------------------ */

static void on_exchange_end_marked(void *user)
{
    sse_stream *s = user;

    if (s->followers)
        s->exchange->context->on_stream_ended(s);
}

/* Takes a stream out that begin_streams is still to see to: it was opened and has ended within the
 * end of one turn. */
static void forget_opened(const sse_stream *s)
{
    sse_context *context = s->exchange->context;

    for (size_t i = 0; i < context->opened_count; i++)
        if (context->opened[i] == s)
            context->opened[i--] = context->opened[--context->opened_count];
}

static void on_exchange_end(void *user, sse_reason reason)
{
    sse_stream *s = user;
    sse_context *context = s->exchange->context;

    forget_opened(s);
    sse_timer_wheel_cancel(&context->wheel, &s->heartbeat);
    context->count.streams--;
    context->count.streams_ended[reason]++;
    if (s->tallied)
        context->on_tallied_end(context, s);
    if (s->on->on_end)
        s->on->on_end(s->user, reason);
    if (s->compressed)
        sse_compressor_stop(compressor(s), context);
    free_stream(s, context);
}

static void on_exchange_drain(void *user)
{
    sse_stream *s = user;

    s->blocked = false;
    if (s->followers)
        s->exchange->context->on_stream_ready(s);
    if (!s->blocked && !sse_stream_closed(s) && s->on->on_drain)
        s->on->on_drain(s->user);
}

static uint64_t random_up_to(uint64_t most)
{
    uint32_t random = 0;

    evutil_secure_rng_get_bytes(&random, sizeof random);
    return random % (most + 1);
}

/* Schedules this stream's end during a shutdown. Each stream that was open when the shutdown began
 * gets its own slot, so that ends are spread evenly over `within`; a stream opened later ends at a
 * random moment of what is left. One with the option `finish` is left alone. */
static void on_exchange_shutdown(void *user)
{
    sse_stream *s = user;
    sse_shutdown *d = &s->exchange->context->shutdown;
    uint64_t now = sse_loop_now(s->exchange->context->loop), i = d->next++, from = 0;

    if (s->finish)
        return;
    if (i < d->streams) {
        from = d->within * i / d->streams;
        sse_stream_end_after(s, from + random_up_to(d->within * (i + 1) / d->streams - from),
                             d->retry);
    } else {
        sse_stream_end_after(s, random_up_to(d->until > now ? d->until - now : 0), d->retry);
    }
}

static const sse_exchange_events events = { on_exchange_end_marked, on_exchange_end,
                                            on_exchange_drain, on_exchange_shutdown };

sse_stream *sse_stream_of(const sse_exchange *x)
{
    return x->on == &events ? x->user : NULL;
}

/* --- ending ----------------------------------------------------------------------------------- */

/* Makes the last frame of the body from *frame (NULL: none), whose reference it takes: a compressed
 * body has a trailer. false: out of memory. */
static bool make_last_frame(sse_stream *s, sse_frame **frame)
{
    sse_frame *plain = *frame;

    if (!s->compressed || sse_stream_closed(s))
        return true;
    *frame = sse_compressor_end(compressor(s), s->exchange, plain);
    sse_frame_unref(plain);
    return *frame != NULL;
}

/* Ends the stream within `ms` (0: the server's write_timeout rules) with a last `retry:`, of
 * `retry` ms to half as much again, so that clients sent away together do not come back together.
 */
static void end_with_retry(sse_stream *s, uint64_t retry, uint64_t ms, sse_reason reason)
{
    sse_event event = { .retry = (int64_t)(retry + random_up_to(retry / 2)) };
    sse_frame *frame = NULL;

    if (sse_frame_event(&event, SIZE_MAX, &frame, NULL))
        frame = NULL; /* out of memory: the stream ends without a `retry:` */
    if (make_last_frame(s, &frame))
        sse_exchange_finish_within(s->exchange, frame, ms, reason);
    else
        sse_exchange_abort(s->exchange, reason);
    sse_frame_unref(frame);
}

/* Sets the deadline to `ms` from now, or to when the stream expires if that is sooner. */
static void set_deadline(sse_stream *s, uint64_t ms)
{
    uint64_t expiry = sse_expiry_left(s->exchange);
    sse_timer_wheel *wheel = &s->exchange->context->wheel;

    ms = expiry < ms ? expiry : ms;
    if (ms == SSE_NEVER)
        sse_timer_wheel_cancel(wheel, &s->heartbeat);
    else
        sse_timer_wheel_set(wheel, &s->heartbeat, ms);
}

void sse_stream_end_after(sse_stream *s, uint64_t ms, uint64_t retry)
{
    if (sse_stream_closed(s) || s->end_scheduled)
        return;
    s->end_scheduled = true;
    s->interval = retry < UINT32_MAX ? (uint32_t)retry : UINT32_MAX;
    set_deadline(s, ms);
}

/* Ends the stream since it has expired. */
static void end_expired(sse_stream *s)
{
    if (s->finish) /* a clean end would tell the client that it has all of the answer */
        sse_exchange_abort(s->exchange, SSE_END_EXPIRED);
    else
        end_with_retry(s, s->end_scheduled ? s->interval : SLOW_RETRY_MS, 0, SSE_END_EXPIRED);
}

/* Milliseconds until the scheduled end, or the next heartbeat, or SSE_NEVER. */
static uint64_t until_next(const sse_stream *s)
{
    uint64_t now = sse_loop_now(s->exchange->context->loop);
    uint32_t silence = (uint32_t)now - s->last_sent;

    if (s->end_scheduled)
        return s->heartbeat.link && s->heartbeat.due > now ? s->heartbeat.due - now : 0;
    if (!s->interval)
        return SSE_NEVER;
    return silence < s->interval ? s->interval - silence : 0;
}

void sse_stream_expire_at(sse_stream *s, uint32_t seconds)
{
    if (sse_stream_closed(s))
        return;
    s->exchange->expires_at = seconds;
    if (sse_expiry_left(s->exchange) == 0)
        end_expired(s);
    else
        set_deadline(s, until_next(s));
}

void sse_stream_end_slow(sse_stream *s)
{
    if (s->finish) /* a clean end would tell the client that it has all of the answer */
        sse_exchange_abort(s->exchange, SSE_END_SLOW);
    else
        end_with_retry(s, SLOW_RETRY_MS, SLOW_END_MS, SSE_END_SLOW);
}

void sse_stream_end_lost(sse_stream *s)
{
    if (s->refused)
        sse_stream_end_slow(s);
    else
        end_with_retry(s, SLOW_RETRY_MS, 0, SSE_END_SERVER);
}

void sse_stream_close(sse_stream *s)
{
    sse_frame *end = NULL;

    if (make_last_frame(s, &end))
        sse_exchange_finish_within(s->exchange, end, 0, SSE_END_SERVER);
    else
        sse_exchange_abort(s->exchange, SSE_END_ERROR);
    sse_frame_unref(end);
}

void sse_stream_abort(sse_stream *s, sse_reason reason)
{
    sse_exchange_abort(s->exchange, reason);
}

bool sse_stream_closed(const sse_stream *s)
{
    return sse_exchange_ended(s->exchange) || sse_exchange_lost(s->exchange);
}

/* --- sending ---------------------------------------------------------------------------------- */

int sse_stream_send_frame(sse_stream *s, sse_frame *frame)
{
    sse_exchange *x = s->exchange;
    int code = s->compressed ? sse_compressor_send(compressor(s), x, frame, s->max_pending)
                             : sse_exchange_send(x, frame, s->max_pending);

    if (code == SSE_EFULL)
        s->refused = true;
    if (code)
        return code;
    s->begun = true;
    s->last_sent = (uint32_t)sse_loop_now(x->context->loop);
    return SSE_OK;
}

/* Takes the frame's reference. */
static int send_frame(sse_stream *s, sse_frame *frame)
{
    int code = sse_stream_send_frame(s, frame);

    sse_frame_unref(frame);
    return code;
}

int sse_stream_send(sse_stream *s, const sse_event *event, const char **field)
{
    sse_frame *frame = NULL;
    int code = SSE_OK;

    if (sse_stream_closed(s))
        return SSE_ECLOSED;
    code = sse_frame_event(event, s->max_pending, &frame, field);
    if (code == SSE_ETOOBIG)
        s->exchange->context->count.sends_oversized++;
    return code ? code : send_frame(s, frame);
}

int sse_stream_comment(sse_stream *s, sse_slice text)
{
    sse_buffer out;
    sse_frame *frame = NULL;
    int code = SSE_OK;

    if (sse_stream_closed(s))
        return SSE_ECLOSED;
    sse_buffer_init(&out, s->max_pending);
    code = sse_encode_comment(&out, text);
    if (!code) {
        frame = sse_frame_new((sse_slice){ out.data, out.len });
        code = frame ? SSE_OK : SSE_ENOMEM;
    }
    sse_buffer_free(&out);
    if (code == SSE_ETOOBIG)
        s->exchange->context->count.sends_oversized++;
    return code ? code : send_frame(s, frame);
}

int sse_stream_push(sse_stream *s, sse_frame *frame, const sse_dictionary *dictionary)
{
    int code = s->compressed ? sse_compressor_push(compressor(s), s->exchange, frame, dictionary)
                             : sse_exchange_push(s->exchange, frame);

    s->blocked = code == SSE_EAGAIN;
    s->begun = true; /* where nothing was sent, nothing can be any more */
    return code;
}

void sse_stream_reset_dictionary(sse_stream *s)
{
    if (s->compressed)
        compressor(s)->dictionary_bytes = 0;
}

bool sse_stream_flush(sse_stream *s, bool again)
{
    sse_exchange *x = s->exchange;

    if (s->blocked && x->session) {
        x->transport->flush(x, again);
        s->blocked = x->transport->pending(x) > 0;
    }
    return !s->blocked;
}

size_t sse_stream_pending(const sse_stream *s)
{
    return sse_exchange_pending(s->exchange);
}

/* --- heartbeat -------------------------------------------------------------------------------- */

/* Sends the heartbeat's frame of that number; nothing where there is no memory for the frame. */
static void send_heartbeat(sse_stream *s, uint8_t number)
{
    sse_frame *frame = sse_heartbeat_frame(s->exchange->context, number);

    if (frame)
        sse_stream_send_frame(s, frame);
}

/* After `silence` ms without a byte: tells the client where it stands if it does not know, and
 * sends the heartbeat if that is due. A block with an id stands for a heartbeat that is a comment.
 * Nothing is sent while bytes are on their way to the client. */
static void break_silence(sse_stream *s, uint32_t silence)
{
    bool told = false;

    if (sse_stream_pending(s) > 0)
        return;
    told = s->followers && s->exchange->context->on_stream_heartbeat(s);
    if (silence >= s->interval && (!told || s->heartbeat_number > 0))
        send_heartbeat(s, s->heartbeat_number);
}

/* The deadline of the stream's end, or of the next heartbeat. What is sent does not move the
 * deadline, since that would cost every send: once fired, it is set again for what is left of the
 * interval. */
static void on_heartbeat_due(sse_deadline *d)
{
    sse_stream *s = SSE_CONTAINER_OF(d, sse_stream, heartbeat);
    uint32_t silence = (uint32_t)sse_loop_now(s->exchange->context->loop) - s->last_sent;

    if (sse_stream_closed(s))
        return;
    if (sse_expiry_left(s->exchange) == 0) {
        end_expired(s);
        return;
    }
    if (s->end_scheduled) {
        end_with_retry(s, s->interval, 0, SSE_END_SERVER);
        return;
    }
    if (s->interval)
        break_silence(s, silence);
    if (silence >= s->interval)
        silence = 0;
    set_deadline(s, s->interval ? s->interval - silence : SSE_NEVER);
}

/* --- opening ---------------------------------------------------------------------------------- */

static bool has_field(const sse_stream_options *options, const char *name)
{
    for (size_t i = 0; i < options->count; i++)
        if (sse_slice_is_name(options->fields[i].name, name))
            return true;
    return false;
}

/* Whether the response depends on the request's Accept-Encoding. */
static bool is_negotiated(const sse_stream_options *options)
{
    return options->compress != SSE_COMPRESS_OFF && sse_response_has_body(options->status) &&
           !has_field(options, "Content-Encoding");
}

/* HTTP/1.0 gets no coding: its proxies may pass a coded body on to clients that can't decode it. */
static sse_coding choose_coding(const sse_exchange *x, const sse_stream_options *options)
{
    const sse_request *r = x->request;

    if (!is_negotiated(options) || (r->major == 1 && r->minor == 0))
        return SSE_CODING_NONE;
    return sse_coding_choose(r->fields, r->field_count);
}

/* Adds Content-Encoding and Vary to `out`, as far as the response needs them; returns how many. */
static size_t coding_fields(const sse_stream_options *options, sse_coding coding,
                            sse_http1_field *out)
{
    const sse_http1_field *fields = options->fields;
    const char *name = sse_coding_name(coding);
    size_t count = 0;

    if (coding != SSE_CODING_NONE)
        out[count++] = sse_response_text_field("Content-Encoding", name);
    if (is_negotiated(options) && !sse_fields_have_token(fields, options->count, "Vary", "*") &&
        !sse_fields_have_token(fields, options->count, "Vary", "Accept-Encoding"))
        out[count++] = sse_response_text_field("Vary", "Accept-Encoding");
    return count;
}

static int start_response(sse_exchange *x, const sse_stream_options *options, sse_coding coding,
                          size_t *bad)
{
    static const sse_http1_field own[] = {
        { { "Content-Type", 12 }, { "text/event-stream", 17 } },
        { { "Cache-Control", 13 }, { "no-cache, no-transform", 22 } },
        { { "X-Accel-Buffering", 17 }, { "no", 2 } },
    };
    sse_http1_field fields[SSE_HTTP1_MAX_FIELDS];
    size_t count = options->count;

    /* The 3 of `own`, and the 2 of coding_fields. */
    if (count + 5 > SSE_HTTP1_MAX_FIELDS || has_field(options, "Content-Type")) {
        *bad = 0;
        return SSE_EINVAL;
    }
    if (count)
        memcpy(fields, options->fields, count * sizeof fields[0]);
    for (size_t i = 0; i < 3; i++)
        if (!has_field(options, own[i].name.at))
            fields[count++] = own[i];
    count += coding_fields(options, coding, fields + count);
    return sse_exchange_start(x, options->status, fields, count, bad);
}

/* Gives the stream its heartbeat: the server's, or one of its own. */
static int set_heartbeat(sse_stream *s, const sse_stream_options *options)
{
    sse_context *context = s->exchange->context;
    uint64_t interval = (uint64_t)options->heartbeat;

    if (options->heartbeat >= 0) {
        int code = sse_heartbeat_hold(context, options->heartbeat_event, &s->heartbeat_number);

        if (code)
            return code;
    } else {
        interval = context->limits.heartbeat;
        s->heartbeat_number = context->heartbeat;
        sse_heartbeat_share(context, s->heartbeat_number);
    }
    s->interval = interval < MAX_INTERVAL ? (uint32_t)interval : MAX_INTERVAL;
    return SSE_OK;
}

static int new_stream(sse_exchange *x, const sse_stream_options *options, bool compressed,
                      sse_stream **out)
{
    const sse_limits *limits = &x->context->limits;
    uint64_t max = options->max_pending ? options->max_pending : limits->max_pending;
    sse_stream *s = sse_slab_alloc(slab_of(x->context, compressed),
                                   compressed ? sizeof(compressed_stream) : sizeof(sse_stream));
    int code = SSE_OK;

    if (!s)
        return SSE_ENOMEM;
    s->compressed = compressed;
    s->finish = options->finish;
    s->on = &sse_exchange_no_events;
    s->exchange = x;
    s->heartbeat.call = on_heartbeat_due;
    s->max_pending = max < UINT32_MAX ? (uint32_t)max : UINT32_MAX;
    s->last_sent = (uint32_t)sse_loop_now(x->context->loop);
    code = set_heartbeat(s, options);
    if (code)
        free_stream(s, x->context);
    else
        *out = s;
    return code;
}

/* The end of the turn in which streams were opened: each begins with a byte, if only with a
 * comment.
 */
static void begin_streams(sse_context *context)
{
    for (size_t i = 0; i < context->opened_count; i++) {
        sse_stream *s = context->opened[i];

        if (!s->begun && !sse_stream_closed(s))
            send_heartbeat(s, 0);
    }
    free(context->opened);
    context->opened = NULL;
    context->opened_count = context->opened_room = 0;
}

/* Has begin_streams see to the stream; without memory for that, the stream begins now. */
static void note_opened(sse_stream *s)
{
    sse_context *context = s->exchange->context;

    if (context->opened_count == context->opened_room) {
        size_t room = context->opened_room ? context->opened_room * 2 : 16;
        sse_stream **list = realloc(context->opened, room * sizeof(sse_stream *));

        if (!list) {
            send_heartbeat(s, 0);
            return;
        }
        context->opened = list;
        context->opened_room = room;
    }
    context->opened[context->opened_count++] = s;
    context->begin_streams = begin_streams;
    sse_context_wake(context);
}

/* Sends what comes first: the head of a compressed body and the `retry:`. Then the heartbeat
 * begins, and the stream's life, whose end is drawn from the last fifth of max_life, so that
 * streams opened together do not end together. During a shutdown the end is scheduled. */
static void begin(sse_stream *s, const sse_stream_options *options, sse_coding coding)
{
    sse_exchange *x = s->exchange;
    bool window = options->compress == SSE_COMPRESS_WINDOW;
    uint64_t life =
        options->max_life >= 0 ? (uint64_t)options->max_life : x->context->limits.max_life;

    if (s->compressed && sse_compressor_start(compressor(s), x, coding, window))
        sse_exchange_abort(x, SSE_END_ERROR);
    if (options->retry != SSE_NO_RETRY)
        sse_stream_send(s, &(sse_event){ .retry = options->retry }, NULL);
    if (x->head_only)
        sse_stream_close(s);
    if (sse_stream_closed(s))
        return;
    if (!s->begun)
        note_opened(s);
    if (life > 0)
        sse_expiry_limit_life(x, life - random_up_to(life / 5));
    set_deadline(s, s->interval ? s->interval : SSE_NEVER);
    if (x->context->shutdown.on)
        on_exchange_shutdown(s);
}

int sse_stream_open(sse_exchange *x, const sse_stream_options *options, sse_stream **out,
                    size_t *bad)
{
    sse_coding coding = choose_coding(x, options);
    sse_stream *s = NULL;
    int code = new_stream(x, options, coding != SSE_CODING_NONE && !x->head_only, &s);

    if (code)
        return code;
    x->long_lived = true;
    code = start_response(x, options, coding, bad);
    if (code) {
        x->long_lived = false;
        free_stream(s, x->context);
        return code;
    }
    x->user = s;
    x->on = &events;
    sse_exchange_drop_request(x);
    x->context->count.streams++;
    x->context->count.streams_opened++;
    *out = s;
    begin(s, options, coding);
    return SSE_OK;
}

void sse_stream_set_events(sse_stream *s, void *user, const sse_exchange_events *on)
{
    s->user = user;
    s->on = on;
}
