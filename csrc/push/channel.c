#include "channel.h"

#include <stdlib.h>

#include "aging.h"
#include "follower.h"
#include "reader.h"
#include "round.h"
#include "window.h"

#define EPOCH_CHARS 8

/* --- publishing ------------------------------------------------------------------------------- */

/* Encodes the event, with the id line first, into a frame for the caller. *id_line: the length of
 * that line. */
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
    *id_line = id.len + 5; /* "id: " and the line's end */
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
    bool keyed = c->slow == SSE_SLOW_LATEST; /* otherwise no event supersedes another */
    sse_slice tags[SSE_LOG_TAGS] = { p->event.id, keyed ? p->key : (sse_slice){ 0 }, p->dedupe };
    sse_frame *frame = NULL;
    size_t id_line = 0;
    int code = encode(c, p, &frame, &id_line, field);

    if (code)
        return code;
    frame->events = 1;
    sse_round_before_append(c, sse_frame_chunk(frame).len);
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
    sse_readers_wake(c); /* before the round is deferred, which trims the log behind them */
    if (c->count > 0 || c->readers || c->log.limits.max_count == 0) /* without history: trim too */
        sse_loop_defer_work(c->loop, &c->round.run);
    if (!c->aging_runs)
        sse_aging_start(c);
    return SSE_OK;
}

sse_slice sse_channel_id(const sse_channel *c, uint64_t position)
{
    return sse_log_event_id(&c->log, position);
}

/* --- birth and end ---------------------------------------------------------------------------- */

/* Makes random characters that tell this log's ids from those of any other log. */
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
    sse_position_tag(options->name, c->tag);
    c->loop = loop;
    c->user = user;
    c->on = on;
    c->slow = options->slow;
    c->max_lag = options->max_lag;
    sse_round_init(c);
    sse_presence_init(&c->presence, loop, &on->presence, user);
    sse_aging_init(c);
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
    sse_readers_wake(c);
    sse_round_close(c);
    return SSE_OK;
}

static const sse_channel_events no_events = { 0 };

void sse_channel_free(sse_channel *c)
{
    if (!c)
        return;
    c->on = &no_events;
    c->closed = true;
    sse_presence_free(&c->presence);
    while (c->followers)
        sse_follower_leave(c->followers, SSE_END_SERVER);
    while (c->window && c->window->waiting)
        sse_follower_leave(c->window->waiting, SSE_END_SERVER);
    while (c->readers)
        sse_reader_leave(c->readers);
    sse_round_stop(c);
    sse_aging_stop(c);
    sse_window_free(c);
    sse_log_free(&c->log);
    free(c->name);
    free(c->gap_event);
    free(c);
}
