#include "place.h"

#include "../wire/encoder.h"
#include "follower.h"

#define LEAST_UNTOLD 64 /* of a short history a client is told no more often than this */

const sse_follower *sse_place_next(const sse_follower *f)
{
    return f->next_of_stream ? f->next_of_stream : f->stream->followers;
}

/* A log with the epoch that the follower's position is of. */
static const sse_log *epoch_of(const sse_follower *f, sse_log *lost)
{
    if (!f->lost_epoch)
        return &f->channel->log;
    memcpy(lost->epoch, f->channel->window->lost_epoch, sizeof lost->epoch);
    lost->epoch_len = strlen(lost->epoch);
    return lost;
}

int sse_place_append_others(const sse_follower *f, sse_buffer *out)
{
    int code = sse_buffer_append(out, "id: ", 4);

    for (const sse_follower *g = sse_place_next(f); g != f && !code; g = sse_place_next(g)) {
        sse_log lost;

        code = sse_position_append(out, g->channel->tag, epoch_of(g, &lost), g->cursor - 1);
        if (!code)
            code = sse_buffer_append(out, ",", 1);
    }
    return code;
}

int sse_place_append_line(const sse_follower *f, uint64_t position, sse_slice others,
                          sse_buffer *out)
{
    sse_log lost;
    int code = sse_buffer_append(out, others.at, others.len);

    if (!code)
        code = sse_position_append(out, f->channel->tag, epoch_of(f, &lost), position);
    return code ? code : sse_buffer_append(out, "\n", 1);
}

/* Appends the id line of a stream of several channels, with the parts in the stream's order. */
static int append_line(const sse_stream *s, sse_buffer *out)
{
    const sse_follower *f = s->followers;
    sse_buffer others;
    int code = SSE_OK;

    while (f->next_of_stream)
        f = f->next_of_stream;
    sse_buffer_init(&others, SIZE_MAX);
    code = sse_place_append_others(f, &others);
    if (!code)
        code = sse_place_append_line(f, f->cursor - 1, sse_buffer_slice(&others), out);
    sse_buffer_free(&others);
    return code;
}

/* Appends the id line of a stream of one channel. It is the id of the event before the cursor where
 * the log holds that and the client may know it: an own id of an event that a filter kept from the
 * client may say what the client is not to know. */
static int append_single_line(const sse_follower *f, sse_buffer *out)
{
    sse_log lost;
    const sse_log *log = epoch_of(f, &lost);
    uint64_t position = f->cursor - 1;
    char own[SSE_MAX_ID];
    sse_slice id = { own, 0 };

    if (!f->filter && !f->lost_epoch && position >= log->first && position < log->next)
        id = sse_log_event_id(log, position);
    else
        id.len = sse_log_id(log, position, own);
    return sse_encode_id(out, id, NULL);
}

void sse_place_note_told(sse_stream *s)
{
    for (sse_follower *f = s->followers; f; f = f->next_of_stream)
        f->untold = 0;
}

static int make_frame(const sse_stream *s, sse_frame **out)
{
    const sse_follower *f = s->followers;
    sse_buffer bytes;
    int code = SSE_OK;

    sse_buffer_init(&bytes, SIZE_MAX);
    code = sse_follower_shares_stream(f) ? append_line(s, &bytes) : append_single_line(f, &bytes);
    if (!code)
        code = sse_buffer_append(&bytes, "\n", 1);
    if (!code) {
        *out = sse_frame_new(sse_buffer_slice(&bytes));
        code = *out ? SSE_OK : SSE_ENOMEM;
    }
    sse_buffer_free(&bytes);
    return code;
}

/* Sends the frame with the head where that waits to be sent, so that one write takes both; else at
 * once. A client that does not take the block at once is sent the next events as any other. */
static int send_frame(sse_stream *s, sse_frame *frame)
{
    bool blocked = s->blocked;
    int code = SSE_OK;

    if (sse_stream_pending(s) > 0)
        return sse_stream_send_frame(s, frame);
    code = sse_stream_push(s, frame, NULL);
    s->blocked = blocked;
    s->last_sent = (uint32_t)sse_loop_now(s->exchange->context->loop);
    return code == SSE_EAGAIN ? SSE_OK : code;
}

/* Returns whether the block was sent. */
static bool tell(sse_stream *s)
{
    sse_frame *frame = NULL;
    int code = sse_stream_closed(s) || !s->followers ? SSE_ECLOSED : make_frame(s, &frame);

    if (!code)
        code = send_frame(s, frame);
    sse_frame_unref(frame);
    if (!code)
        sse_place_note_told(s);
    return !code;
}

void sse_place_tell(sse_stream *s)
{
    if (tell(s))
        return;
    for (sse_follower *f = s->followers; f; f = f->next_of_stream)
        f->untold = UINT16_MAX;
}

void sse_place_tell_in_time(sse_follower *f)
{
    const sse_log *log = &f->channel->log;
    uint64_t most = (log->next - log->first) / 2;

    most = most > LEAST_UNTOLD ? most : LEAST_UNTOLD;
    if (f->untold >= (most < UINT16_MAX ? most : UINT16_MAX))
        tell(f->stream);
}

bool sse_place_on_heartbeat(sse_stream *s)
{
    const sse_follower *f = s->placing ? NULL : s->followers;

    while (f && f->untold == 0)
        f = f->next_of_stream;
    return f && tell(s);
}
