#include "compressor.h"

#include "../wire/error.h"

/* --- blocks ----------------------------------------------------------------------------------- */

static const sse_slice none = { NULL, 0 };

/* The server's, for blocks that are shared; made when it is first needed. */
static int twin(sse_pool *pool, sse_frame *frame, sse_slice past)
{
    if (!pool->deflater)
        pool->deflater = sse_deflater_new(false);
    return pool->deflater ? sse_deflater_twin(pool->deflater, frame, past) : SSE_ENOMEM;
}

static int block_alone(sse_pool *pool, sse_frame *frame, sse_frame **out)
{
    int code = twin(pool, frame, none);

    if (!code)
        *out = sse_frame_ref(frame->twin->alone);
    return code;
}

/* Where the stream's last bytes were the log's, the block may refer to them: all whose run is long
 * enough have the same ones. Not so where others have come to the frame from elsewhere, past an
 * event that was superseded. */
static bool may_link(const sse_packer *p, const sse_frame *frame, const sse_past *past)
{
    const sse_twin *t = frame->twin;

    return past && p->run >= SSE_REACH && (!t || !t->linked || t->after == past->before);
}

static int block_linked(sse_pool *pool, sse_frame *frame, const sse_past *past, sse_frame **out)
{
    char bytes[SSE_REACH];
    sse_slice before = { bytes, 0 };
    int code = SSE_OK;

    if (!frame->twin || !frame->twin->linked) {
        before.len = past->copy(past, bytes, sizeof bytes);
        if (before.len == 0)
            return block_alone(pool, frame, out);
        code = twin(pool, frame, before);
        if (code)
            return code;
        frame->twin->after = past->before;
    }
    *out = sse_frame_ref(frame->twin->linked);
    return SSE_OK;
}

/* The frame as this stream gets it, with a reference. */
static int block(sse_packer *p, sse_pool *pool, sse_frame *frame, const sse_past *past,
                 sse_frame **out)
{
    if (p->window)
        return sse_deflater_next(p->window, sse_frame_payload(frame), out);
    return may_link(p, frame, past) ? block_linked(pool, frame, past, out)
                                    : block_alone(pool, frame, out);
}

/* It was sent. */
static void account(sse_packer *p, sse_pool *pool, const sse_frame *frame, const sse_frame *packed,
                    bool of_log)
{
    uint32_t more = frame->payload < SSE_REACH ? (uint32_t)frame->payload : SSE_REACH;

    if (p->window)
        sse_sum_plain(&p->sum, p->coding, sse_frame_payload(frame));
    else
        sse_sum_twin(&p->sum, p->coding, frame->twin, frame->payload);
    p->run = !of_log ? 0 : p->run + more < SSE_REACH ? p->run + more : SSE_REACH;
    pool->count.packed_from += frame->payload;
    pool->count.packed_to += packed->payload;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* max, with room for what a block may have more than its plain bytes. */
static size_t with_growth(size_t max, size_t plain, size_t packed)
{
    size_t growth = packed > plain ? packed - plain : 0;

    return max < SIZE_MAX - growth ? max + growth : SIZE_MAX;
}

/* The window has moved on with the block: it is sent, or the body ends here. */
static int room_for_window(sse_exchange *x, const sse_frame *frame, size_t max)
{
    size_t most = sse_deflater_most(frame->payload);

    return sse_exchange_room(x, most, with_growth(max, frame->payload, most));
}

int sse_packer_send(sse_packer *p, sse_exchange *x, sse_frame *frame, size_t max)
{
    sse_pool *pool = x->pool;
    sse_frame *packed = NULL;
    int code = p->window ? room_for_window(x, frame, max) : sse_exchange_room(x, 0, max);

    if (code)
        return code;
    code = block(p, pool, frame, NULL, &packed);
    if (!code)
        code = sse_exchange_send(
            x, packed, p->window ? SIZE_MAX : with_growth(max, frame->payload, packed->payload));
    if (!code)
        account(p, pool, frame, packed, false);
    else if (p->window)
        sse_exchange_abort(x, SSE_END_ERROR);
    sse_frame_unref(packed);
    return code;
}

int sse_packer_push(sse_packer *p, sse_exchange *x, sse_frame *frame, const sse_past *past)
{
    sse_pool *pool = x->pool;
    sse_frame *packed = NULL;
    int code = sse_exchange_ended(x) ? SSE_ECLOSED : block(p, pool, frame, past, &packed);

    if (code)
        return code;
    code = sse_exchange_push(x, packed);
    if (!code || code == SSE_EAGAIN)
        account(p, pool, frame, packed, past != NULL);
    sse_frame_unref(packed);
    return code;
}

/* --- head and end ----------------------------------------------------------------------------- */

int sse_packer_start(sse_packer *p, sse_exchange *x, sse_coding coding, bool window)
{
    sse_pool *pool = x->pool;
    char head[SSE_CODING_AROUND];
    sse_frame *frame = NULL;
    int code = SSE_OK;

    p->coding = (uint8_t)coding;
    pool->count.packed++;
    if (window && pool->count.windows < SSE_MAX_WINDOWS)
        p->window = sse_deflater_new(true);
    if (p->window)
        pool->count.windows++;
    frame = sse_frame_new((sse_slice){ head, sse_coding_head(coding, &p->sum, head) });
    /* No bound keeps a stream from beginning. */
    code = frame ? x->transport->send(x, frame) : SSE_ENOMEM;
    sse_frame_unref(frame);
    return code;
}

void sse_packer_stop(sse_packer *p, sse_pool *pool)
{
    pool->count.packed--;
    if (p->window)
        pool->count.windows--;
    sse_deflater_free(p->window);
    p->window = NULL;
}

sse_frame *sse_packer_end(sse_packer *p, sse_exchange *x, sse_frame *frame)
{
    sse_frame *packed = NULL, *last = NULL;
    char end[SSE_CODING_AROUND], *to = NULL;
    size_t len = 0, before = 0;

    if (frame) {
        if (block(p, x->pool, frame, NULL, &packed))
            return NULL;
        account(p, x->pool, frame, packed, false);
        before = packed->payload;
    }
    len = sse_coding_end((sse_coding)p->coding, &p->sum, end);
    last = sse_frame_alloc(before + len);
    to = last ? sse_frame_body(last) : NULL;
    if (last && packed)
        memcpy(to, sse_frame_payload(packed).at, before);
    if (last)
        memcpy(to + before, end, len);
    sse_frame_unref(packed);
    return last;
}
