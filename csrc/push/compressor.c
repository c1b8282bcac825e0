#include "compressor.h"

#include "../wire/error.h"

/* --- blocks ----------------------------------------------------------------------------------- */

/* Deflates a shared block by the server context's deflater, which is made with the first one.
 * dictionary absent: a block that refers to nothing before it. The block is in frame->deflated. */
static int deflate(sse_context *context, sse_frame *frame, sse_slice dictionary)
{
    if (!context->deflater)
        context->deflater = sse_deflater_new(false);
    return context->deflater ? sse_deflater_deflate_frame(context->deflater, frame, dictionary)
                             : SSE_ENOMEM;
}

/* A block that any stream may be sent at any place. */
static int standalone_block(sse_context *context, sse_frame *frame, sse_frame **out)
{
    int code = deflate(context, frame, (sse_slice){ 0 });

    if (!code)
        *out = sse_frame_ref(frame->deflated->standalone);
    return code;
}

/* Whether the stream may be sent a block that refers to the bytes before the frame. All streams
 * that were sent SSE_DICTIONARY_BYTES consecutive bytes of the log have the same ones. A block that
 * was made for streams that came to the frame from another position, past a superseded event, is
 * not for this one. */
static bool may_link(const sse_compressor *p, const sse_frame *frame,
                     const sse_dictionary *dictionary)
{
    const sse_deflated *t = frame->deflated;

    return dictionary && p->dictionary_bytes >= SSE_DICTIONARY_BYTES &&
           (!t || !t->linked || t->linked_at == dictionary->before);
}

/* A block that refers to the bytes before the frame, where there are any. */
static int linked_block(sse_context *context, sse_frame *frame, const sse_dictionary *dictionary,
                        sse_frame **out)
{
    char bytes[SSE_DICTIONARY_BYTES];
    sse_slice before = { bytes, 0 };
    int code = SSE_OK;

    if (!frame->deflated || !frame->deflated->linked) {
        before.len = sse_log_copy_before(dictionary->log, dictionary->before, bytes, sizeof bytes);
        if (before.len == 0)
            return standalone_block(context, frame, out);
        code = deflate(context, frame, before);
        if (code)
            return code;
        frame->deflated->linked_at = dictionary->before;
    }
    *out = sse_frame_ref(frame->deflated->linked);
    return SSE_OK;
}

/* Deflates the frame for this stream. *out: the block, with a reference for the caller. */
static int make_block(sse_compressor *p, sse_context *context, sse_frame *frame,
                      const sse_dictionary *dictionary, sse_frame **out)
{
    if (p->window)
        return sse_deflater_deflate_next(p->window, sse_frame_payload(frame), out);
    return may_link(p, frame, dictionary) ? linked_block(context, frame, dictionary, out)
                                          : standalone_block(context, frame, out);
}

/* After the block of a frame was handed over. of_log: the frame continues a log, and the next one
 * may refer to it. */
static void note_sent(sse_compressor *p, sse_context *context, const sse_frame *frame,
                      const sse_frame *compressed, bool of_log)
{
    uint32_t more =
        frame->payload < SSE_DICTIONARY_BYTES ? (uint32_t)frame->payload : SSE_DICTIONARY_BYTES;

    if (p->window)
        sse_sum_add_plain(&p->sum, p->coding, sse_frame_payload(frame));
    else
        sse_sum_add_deflated(&p->sum, p->coding, frame->deflated, frame->payload);
    p->dictionary_bytes = of_log ? p->dictionary_bytes + more : 0;
    if (p->dictionary_bytes > SSE_DICTIONARY_BYTES)
        p->dictionary_bytes = SSE_DICTIONARY_BYTES;
    context->count.uncompressed_bytes += frame->payload;
    context->count.compressed_bytes += compressed->payload;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* max, raised by what the block is longer than the plain bytes. */
static size_t with_growth(size_t max, size_t plain, size_t compressed)
{
    size_t growth = compressed > plain ? compressed - plain : 0;

    return max < SIZE_MAX - growth ? max + growth : SIZE_MAX;
}

/* Checks that there is room for the largest block the frame may come to. Deflating moves the window
 * on, and a block that could not be sent then would end the body. */
static int check_room_for_block(sse_exchange *x, const sse_frame *frame, size_t max)
{
    size_t most = sse_deflater_bound(frame->payload);

    return sse_exchange_check_room(x, most, with_growth(max, frame->payload, most));
}

int sse_compressor_send(sse_compressor *p, sse_exchange *x, sse_frame *frame, size_t max)
{
    sse_context *context = x->context;
    sse_frame *compressed = NULL;
    int code = p->window ? check_room_for_block(x, frame, max) : sse_exchange_check_room(x, 0, max);

    if (code)
        return code;
    code = make_block(p, context, frame, NULL, &compressed);
    if (!code)
        code = sse_exchange_send(x, compressed,
                                 p->window ? SIZE_MAX
                                           : with_growth(max, frame->payload, compressed->payload));
    if (!code)
        note_sent(p, context, frame, compressed, false);
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
    int code = sse_exchange_ended(x) ? SSE_ECLOSED
                                     : make_block(p, context, frame, dictionary, &compressed);

    if (code)
        return code;
    code = sse_exchange_push(x, compressed);
    if (!code || code == SSE_EAGAIN)
        note_sent(p, context, frame, compressed, dictionary != NULL);
    sse_frame_unref(compressed);
    return code;
}

/* --- head and end ----------------------------------------------------------------------------- */

int sse_compressor_start(sse_compressor *p, sse_exchange *x, sse_coding coding, bool window)
{
    sse_context *context = x->context;
    char head[SSE_CODING_MAX_EDGE];
    sse_frame *frame = NULL;
    int code = SSE_OK;

    p->coding = (uint8_t)coding;
    context->count.compressed++;
    if (window && context->count.compression_windows < SSE_MAX_WINDOWS)
        p->window = sse_deflater_new(true);
    if (p->window)
        context->count.compression_windows++;
    frame = sse_frame_new((sse_slice){ head, sse_coding_head(coding, &p->sum, head) });
    code = frame ? x->transport->send(x, frame) : SSE_ENOMEM; /* whatever max_pending is */
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
    char end[SSE_CODING_MAX_EDGE], *to = NULL;
    size_t len = 0, before = 0;

    if (frame) {
        if (make_block(p, x->context, frame, NULL, &compressed))
            return NULL;
        note_sent(p, x->context, frame, compressed, false);
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
