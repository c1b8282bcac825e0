#include "heartbeat.h"

#include <stdlib.h>

struct sse_heartbeats {
    sse_frame *comment; /* of the heartbeat with the number 0; made when it is first asked for */
    struct {
        sse_frame *frame; /* NULL: the place is free */
        size_t refs;
    } list[SSE_MAX_HEARTBEATS]; /* by number - 1 */
};

static bool make_list(sse_context *context)
{
    if (!context->heartbeats)
        context->heartbeats = calloc(1, sizeof *context->heartbeats);
    return context->heartbeats != NULL;
}

static bool same_bytes(const sse_frame *a, const sse_frame *b)
{
    return a->payload == b->payload &&
           memcmp(sse_frame_payload(a).at, sse_frame_payload(b).at, a->payload) == 0;
}

/* The place of an event's heartbeat: where a frame with the same bytes is, or else a free one;
 * SSE_MAX_HEARTBEATS: there is none. */
static size_t find_place(const struct sse_heartbeats *h, const sse_frame *frame)
{
    size_t place = SSE_MAX_HEARTBEATS;

    for (size_t i = 0; i < SSE_MAX_HEARTBEATS; i++) {
        if (h->list[i].frame && same_bytes(h->list[i].frame, frame))
            return i;
        if (!h->list[i].frame && place == SSE_MAX_HEARTBEATS)
            place = i;
    }
    return place;
}

int sse_heartbeat_hold(sse_context *context, sse_slice type, uint8_t *number)
{
    sse_event event = { .type = type, .data = SSE_SLICE(""), .retry = SSE_NO_RETRY };
    struct sse_heartbeats *h = NULL;
    sse_frame *frame = NULL;
    size_t i = 0;
    int code = SSE_OK;

    *number = 0;
    if (!type.at)
        return SSE_OK;
    if (!make_list(context))
        return SSE_ENOMEM;
    code = sse_frame_event(&event, SIZE_MAX, &frame, NULL);
    if (code)
        return code;
    h = context->heartbeats;
    i = find_place(h, frame);
    if (i == SSE_MAX_HEARTBEATS || h->list[i].frame)
        sse_frame_unref(frame);
    else
        h->list[i].frame = frame;
    if (i == SSE_MAX_HEARTBEATS)
        return SSE_EBUSY;
    h->list[i].refs++;
    *number = (uint8_t)(i + 1);
    return SSE_OK;
}

void sse_heartbeat_share(sse_context *context, uint8_t number)
{
    struct sse_heartbeats *h = context->heartbeats;

    if (h && number > 0)
        h->list[number - 1].refs++;
}

void sse_heartbeat_drop(sse_context *context, uint8_t number)
{
    struct sse_heartbeats *h = context->heartbeats;

    if (!h || number == 0 || --h->list[number - 1].refs > 0)
        return;
    sse_frame_unref(h->list[number - 1].frame);
    h->list[number - 1].frame = NULL;
}

sse_frame *sse_heartbeat_frame(sse_context *context, uint8_t number)
{
    struct sse_heartbeats *h = NULL;

    if (!make_list(context))
        return NULL;
    h = context->heartbeats;
    if (number > 0)
        return h->list[number - 1].frame;
    if (!h->comment)
        h->comment = sse_frame_new(SSE_SLICE(":\n\n"));
    return h->comment;
}

void sse_heartbeats_free(sse_context *context)
{
    struct sse_heartbeats *h = context->heartbeats;

    if (!h)
        return;
    sse_frame_unref(h->comment);
    for (size_t i = 0; i < SSE_MAX_HEARTBEATS; i++)
        sse_frame_unref(h->list[i].frame);
    free(h);
    context->heartbeats = NULL;
}
