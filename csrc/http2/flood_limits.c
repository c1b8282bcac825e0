#include "flood_limits.h"

/* What a client may do at once, and for how long, before it is told to calm down. Far beyond what
 * browsers and proxies do, and cheap enough for us. */
#define RESETS_AT_ONCE   500
#define RESETS_A_SECOND  33
#define IDLE_AT_ONCE     2000 /* PING, SETTINGS, WINDOW_UPDATE, empty DATA and their like */
#define IDLE_A_SECOND    200
#define IDLE_FOR_A_FRAME 4  /* a DATA frame of ours may be answered by that many */
#define BLOCK_FRAMES     32 /* HEADERS and its CONTINUATIONs */

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

static bool found(sse_http2_guard *g, uint64_t *count)
{
    if (!g->count)
        g->count = count;
    return false;
}

static bool guard_block(sse_http2_guard *g, sse_context *context, const nghttp2_frame_hd *head)
{
    if (head->type == NGHTTP2_HEADERS) {
        g->block = 0;
        g->block_frames = 0;
    }
    g->block += head->length;
    if (++g->block_frames > BLOCK_FRAMES || g->block > sse_http2_most_fields(&context->limits))
        return found(g, &context->count.http2_header_floods);
    return true;
}

bool sse_http2_guard_frame(sse_http2_guard *g, sse_context *context, const nghttp2_frame_hd *head)
{
    switch (head->type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
        return guard_block(g, context, head);
    case NGHTTP2_RST_STREAM:
        return true; /* counted where it meets a stream */
    case NGHTTP2_DATA:
        if (head->length > 0 || head->flags & NGHTTP2_FLAG_END_STREAM)
            return true;
        break;
    default:
        break;
    }
    if (add(&g->idle, sse_loop_now(context->loop), IDLE_AT_ONCE, IDLE_A_SECOND))
        return true;
    return found(g, &context->count.http2_floods);
}

bool sse_http2_guard_reset(sse_http2_guard *g, sse_context *context)
{
    if (add(&g->resets, sse_loop_now(context->loop), RESETS_AT_ONCE, RESETS_A_SECOND))
        return true;
    return found(g, &context->count.http2_resets);
}

void sse_http2_guard_sent(sse_http2_guard *g)
{
    sse_http2_bucket *b = &g->idle;

    b->level = b->level > IDLE_FOR_A_FRAME ? b->level - IDLE_FOR_A_FRAME : 0;
}
