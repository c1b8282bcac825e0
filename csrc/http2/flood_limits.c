#include "flood_limits.h"

/* What a client may do at once, and for how long, before it is told to calm down. Far beyond what
 * browsers and proxies do, and cheap enough for us. */
#define RESETS_AT_ONCE      500
#define RESETS_A_SECOND     33
#define CONTROL_AT_ONCE     2000 /* PING, SETTINGS, WINDOW_UPDATE, empty DATA and their like */
#define CONTROL_A_SECOND    200
#define CONTROL_FOR_A_FRAME 4  /* a DATA frame of ours may be answered by that many */
#define BLOCK_FRAMES        32 /* HEADERS and its CONTINUATIONs */

/* Adds one; false: it is over. */
static bool add(sse_http2_bucket *b, uint64_t now, uint32_t most, uint32_t rate)
{
    uint64_t leaked = (now - b->at) * rate / 1000;

    if (leaked > 0) {
        b->level = leaked < b->level ? b->level - (uint32_t)leaked : 0;
        b->at = now;
    }
    return ++b->level <= most;
}

static bool exceed(sse_http2_flood_limits *l, uint64_t *count)
{
    if (!l->exceeded)
        l->exceeded = count;
    return false;
}

static bool count_block(sse_http2_flood_limits *l, sse_context *context,
                        const nghttp2_frame_hd *head)
{
    if (head->type == NGHTTP2_HEADERS) {
        l->block_bytes = 0;
        l->block_frames = 0;
    }
    l->block_bytes += head->length;
    if (++l->block_frames > BLOCK_FRAMES ||
        l->block_bytes > sse_http2_max_field_bytes(&context->limits))
        return exceed(l, &context->count.http2_header_floods);
    return true;
}

bool sse_http2_flood_count_frame(sse_http2_flood_limits *l, sse_context *context,
                                 const nghttp2_frame_hd *head)
{
    switch (head->type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
        return count_block(l, context, head);
    case NGHTTP2_RST_STREAM:
        return true; /* counted where it meets a stream */
    case NGHTTP2_DATA:
        if (head->length > 0 || head->flags & NGHTTP2_FLAG_END_STREAM)
            return true;
        break;
    default:
        break;
    }
    if (add(&l->control_frames, sse_loop_now(context->loop), CONTROL_AT_ONCE, CONTROL_A_SECOND))
        return true;
    return exceed(l, &context->count.http2_floods);
}

bool sse_http2_flood_count_reset(sse_http2_flood_limits *l, sse_context *context)
{
    if (add(&l->resets, sse_loop_now(context->loop), RESETS_AT_ONCE, RESETS_A_SECOND))
        return true;
    return exceed(l, &context->count.http2_resets);
}

void sse_http2_flood_allow_replies(sse_http2_flood_limits *l)
{
    sse_http2_bucket *b = &l->control_frames;

    b->level = b->level > CONTROL_FOR_A_FRAME ? b->level - CONTROL_FOR_A_FRAME : 0;
}
