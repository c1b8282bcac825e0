#include "flood_limits.h"

/* Far more than browsers and proxies need, and still cheap for the server. */
#define RESETS_AT_ONCE     500
#define RESETS_A_SECOND    33
#define CONTROL_AT_ONCE    2000 /* PING, SETTINGS, WINDOW_UPDATE, empty DATA ... */
#define CONTROL_A_SECOND   200
#define REPLIES_TO_A_FRAME 4  /* control frames that a DATA frame which is sent makes room for */
#define MAX_BLOCK_FRAMES   32 /* HEADERS and its CONTINUATIONs */

/* Lowers the level by `rate` a second and adds one. false: it is more than `most`. */
static bool add(sse_http2_bucket *b, uint64_t now, uint32_t most, uint32_t rate)
{
    uint64_t leaked = (now - b->at) * rate / 1000;

    if (leaked > 0) {
        b->level = leaked < b->level ? b->level - (uint32_t)leaked : 0;
        b->at = now;
    }
    return ++b->level <= most;
}

/* Remembers the first limit that was exceeded. */
static bool exceed(sse_http2_flood_limits *f, uint64_t *count)
{
    if (!f->exceeded)
        f->exceeded = count;
    return false;
}

static bool count_block(sse_http2_flood_limits *f, sse_context *context,
                        const nghttp2_frame_hd *head)
{
    if (head->type == NGHTTP2_HEADERS) {
        f->block_bytes = 0;
        f->block_frames = 0;
    }
    f->block_bytes += head->length;
    if (++f->block_frames > MAX_BLOCK_FRAMES ||
        f->block_bytes > sse_http2_max_field_bytes(&context->limits))
        return exceed(f, &context->count.http2_header_floods);
    return true;
}

bool sse_http2_flood_count_frame(sse_http2_flood_limits *f, sse_context *context,
                                 const nghttp2_frame_hd *head)
{
    switch (head->type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
        return count_block(f, context, head);
    case NGHTTP2_RST_STREAM:
        return true; /* counted by on_frame_received, if its stream exists */
    case NGHTTP2_DATA:
        if (head->length > 0 || head->flags & NGHTTP2_FLAG_END_STREAM)
            return true;
        break;
    default:
        break;
    }
    if (add(&f->control_frames, sse_loop_now(context->loop), CONTROL_AT_ONCE, CONTROL_A_SECOND))
        return true;
    return exceed(f, &context->count.http2_floods);
}

bool sse_http2_flood_count_reset(sse_http2_flood_limits *f, sse_context *context)
{
    if (add(&f->resets, sse_loop_now(context->loop), RESETS_AT_ONCE, RESETS_A_SECOND))
        return true;
    return exceed(f, &context->count.http2_resets);
}

void sse_http2_flood_allow_replies(sse_http2_flood_limits *f)
{
    sse_http2_bucket *b = &f->control_frames;

    b->level = b->level > REPLIES_TO_A_FRAME ? b->level - REPLIES_TO_A_FRAME : 0;
}
