#include "compressor.h"

#include "../wire/error.h"

/* --- blocks ----------------------------------------------------------------------------------- */

static const sse_slice none = { NULL, 0 };

/* The server's, for blocks that are shared; made when it is first needed. */
static int deflate(sse_context *context, sse_frame *frame, sse_slice dictionary)
{
    if (!context->deflater)
        context->deflater = sse_deflater_new(false);
    return context->deflater ? sse_deflater_deflate(context->deflater, frame, dictionary)
                             : SSE_ENOMEM;
}

static int block_alone(sse_context *context, sse_frame *frame, sse_frame **out)
{
    int code = deflate(context, frame, none);

    if (!code)
        *out = sse_frame_ref(frame->deflated->alone);
    return code;
}

/* Where the stream's last bytes were the log's, the block may refer to them: all whose run is long
 * enough have the same ones. Not so where others have come to the frame from elsewhere, past an
 * event that was superseded. */
static bool may_link(const sse_compressor *p, const sse_frame *frame,
                     const sse_dictionary *dictionary)
{
    const sse_deflated *t = frame->deflated;

    return dictionary && p->run >= SSE_REACH &&
           (!t || !t->linked || t->after == dictionary->before);
}

static int block_linked(sse_context *context, sse_frame *frame, const sse_dictionary *dictionary,
                        sse_frame **out)
{
    char bytes[SSE_REACH];
    sse_slice before = { bytes, 0 };
    int code = SSE_OK;

    if (!frame->deflated || !frame->deflated->linked) {
        before.len = sse_log_copy_before(dictionary->log, dictionary->before, bytes, sizeof bytes);
        if (before.len == 0)
            return block_alone(context, frame, out);
        code = deflate(context, frame, before);
        if (code)
            return code;
        frame->deflated->after = dictionary->before;
    }
    *out = sse_frame_ref(frame->deflated->linked);
    return SSE_OK;
}

/* The frame as this stream gets it, with a reference. */
static int block(sse_compressor *p, sse_context *context, sse_frame *frame,
                 const sse_dictionary *dictionary, sse_frame **out)
{
    if (p->window)
        return sse_deflater_next(p->window, sse_frame_payload(frame), out);
    return may_link(p, frame, dictionary) ? block_linked(context, frame, dictionary, out)
                                          : block_alone(context, frame, out);
}

/* It was sent. */
static void account(sse_compressor *p, sse_context *context, const sse_frame *frame,
                    const sse_frame *compressed, bool of_log)
{
    uint32_t more = frame->payload < SSE_REACH ? (uint32_t)frame->payload : SSE_REACH;

    if (p->window)
        sse_sum_plain(&p->sum, p->coding, sse_frame_payload(frame));
    else
        sse_sum_deflated(&p->sum, p->coding, frame->deflated, frame->payload);
    p->run = !of_log ? 0 : p->run + more < SSE_REACH ? p->run + more : SSE_REACH;
    context->count.uncompressed_bytes += frame->payload;
    context->count.compressed_bytes += compressed->payload;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* max, with room for what a block may have more than its plain bytes. */
static size_t with_growth(size_t max, size_t plain, size_t compressed)
{
    size_t growth = compressed > plain ? compressed - plain : 0;

    return max < SIZE_MAX - growth ? max + growth : SIZE_MAX;
}

/* The window has moved on with the block: it is sent, or the body ends here. */
static int room_for_window(sse_exchange *x, const sse_frame *frame, size_t max)
{
    size_t most = sse_deflater_most(frame->payload);

    return sse_exchange_check_room(x, most, with_growth(max, frame->payload, most));
}

int sse_compressor_send(sse_compressor *p, sse_exchange *x, sse_frame *frame, size_t max)
{
    sse_context *context = x->context;
    sse_frame *compressed = NULL;
    int code = p->window ? room_for_window(x, frame, max) : sse_exchange_check_room(x, 0, max);

    if (code)
        return code;
    code = block(p, context, frame, NULL, &compressed);
    if (!code)
        code = sse_exchange_send(x, compressed,
                                 p->window ? SIZE_MAX
                                           : with_growth(max, frame->payload, compressed->payload));
    if (!code)
        account(p, context, frame, compressed, false);
    else if (p->window)
        sse_exchange_abort(x, SSE_END_ERROR);
    sse_frame_unref(compressed);
    return code;
}

int sse_compressor_push(sse_compressor *p, sse_exchange *x, sse_frame *frame,
                        const sse_dictionary *dictionary)
{
    sse_context *context = x->context;
    sse_frame *compressed = NULL;
    int code =
        sse_exchange_ended(x) ? SSE_ECLOSED : block(p, context, frame, dictionary, &compressed);

    if (code)
        return code;
    code = sse_exchange_push(x, compressed);
    if (!code || code == SSE_EAGAIN)
        account(p, context, frame, compressed, dictionary != NULL);
    sse_frame_unref(compressed);
    return code;
}

/* --- head and end ----------------------------------------------------------------------------- */

int sse_compressor_start(sse_compressor *p, sse_exchange *x, sse_coding coding, bool window)
{
    sse_context *context = x->context;
    char head[SSE_CODING_AROUND];
    sse_frame *frame = NULL;
    int code = SSE_OK;

    p->coding = (uint8_t)coding;
    context->count.compressed++;
    if (window && context->count.compression_windows < SSE_MAX_WINDOWS)
        p->window = sse_deflater_new(true);
    if (p->window)
        context->count.compression_windows++;
    frame = sse_frame_new((sse_slice){ head, sse_coding_head(coding, &p->sum, head) });
    /* No bound keeps a stream from beginning. */
    code = frame ? x->transport->send(x, frame) : SSE_ENOMEM;
    sse_frame_unref(frame);
    return code;
}

void sse_compressor_stop(sse_compressor *p, sse_context *context)
{
    context->count.compressed--;
    if (p->window)
        context->count.compression_windows--;
    sse_deflater_free(p->window);
    p->window = NULL;
}

sse_frame *sse_compressor_end(sse_compressor *p, sse_exchange *x, sse_frame *frame)
{
    sse_frame *compressed = NULL, *last = NULL;
    char end[SSE_CODING_AROUND], *to = NULL;
    size_t len = 0, before = 0;

    if (frame) {
        if (block(p, x->context, frame, NULL, &compressed))
            return NULL;
        account(p, x->context, frame, compressed, false);
        before = compressed->payload;
    }
    len = sse_coding_end((sse_coding)p->coding, &p->sum, end);
    last = sse_frame_alloc(before + len);
    to = last ? sse_frame_body(last) : NULL;
    if (last && compressed)
        memcpy(to, sse_frame_payload(compressed).at, before);
    if (last)
        memcpy(to + before, end, len);
    sse_frame_unref(compressed);
    return last;
}
