/* The body: decoded here rather than by libcurl, which decodes all that a packet becomes within one
 * call. A turn of the loop has its share of each body, of bytes that are decoded and of time; a
 * pause holds at once; and what waits does so as it was received. */
#include "transfer_inner.h"

#define PIECE  ((size_t)16 << 10) /* decoded at a time */
#define TURN   ((size_t)64 << 10) /* decoded in a turn of the loop */
#define LITTLE ((size_t)4 << 10)  /* handed over where others have used up the turn's time */

bool sse_transfer_holds(const sse_transfer *t)
{
    return t->raw.len > t->raw_at || t->more;
}

/* `room` was asked right before, and the time is what it was then. */
static void give(sse_transfer *t, const char *bytes, size_t len)
{
    int code = SSE_OK;

    t->active = t->now / 1000;
    t->bytes += len;
    code = t->callbacks.on_body(t->user, bytes, len);
    if (code)
        sse_transfer_note(t, code, NULL);
}

/* --- decoding --------------------------------------------------------------------------------- */

static bool is_coding(const sse_http1_field *f)
{
    return f->name.len == 16 && curl_strnequal(f->name.at, "content-encoding", 16);
}

void sse_transfer_decode(sse_transfer *t, const sse_http1_field *fields, size_t count)
{
    if (!t->decodes)
        return;
    for (size_t i = 0; i < count && !t->undecodable; i++) {
        if (!is_coding(&fields[i]))
            continue;
        if (t->decoder)
            t->undecodable = SSE_EPROTO; /* several: nobody means it well */
        else
            t->undecodable = sse_decoder_new(&t->decoder, fields[i].value);
    }
}

/* How many bytes may be handed over next; 0: no more in this turn, or while it is paused. */
static size_t room(sse_transfer *t)
{
    uint64_t turn = sse_loop_turns(t->loop);
    size_t left = PIECE;

    if (t->failure || t->use.retired || t->paused)
        return 0;
    t->now = sse_loop_now_us(t->loop);
    if (t->turn != turn) {
        t->turn_bytes = 0;
        t->turn_began = t->now;
    }
    t->turn = turn;
    if (t->now - t->turn_began > SSE_LOOP_SLICE_US)
        return 0;
    if (t->decoder)
        left = TURN - t->turn_bytes;
    return left < PIECE ? left : PIECE;
}

static const char *explain(int code)
{
    if (code == SSE_ETOOBIG)
        return "the body grows out of all proportion as it is decompressed";
    return code == SSE_EPROTO ? "the compressed body is broken" : NULL;
}

static void decode(sse_transfer *t, sse_slice *in, size_t cap)
{
    char piece[PIECE];
    size_t len = 0;
    int code = sse_decoder_run(t->decoder, in, piece, cap, &len);

    t->more = !code && len == cap;
    t->turn_bytes += len;
    if (len > 0)
        give(t, piece, len);
    if (code)
        sse_transfer_note(t, code, explain(code));
}

/* Hands `in` over until it is used up, the turn's share is, `most` bytes have gone or somebody
 * pauses. */
static void hand_over(sse_transfer *t, sse_slice *in, size_t most)
{
    uint64_t before = t->bytes;

    while ((in->len > 0 || t->more) && t->bytes - before < most) {
        size_t left = most - (size_t)(t->bytes - before), cap = room(t), n = 0;

        if (cap == 0)
            return;
        cap = cap < left ? cap : left;
        if (t->decoder) {
            decode(t, in, cap);
            continue;
        }
        n = in->len < cap ? in->len : cap;
        in->at += n;
        in->len -= n;
        give(t, in->at - n, n);
    }
}

/* --- from libcurl ----------------------------------------------------------------------------- */

static size_t give_up(sse_transfer *t)
{
    sse_multi_abandon(&t->use);
    return CURL_WRITEFUNC_ERROR;
}

static void keep(sse_transfer *t, sse_slice in)
{
    int code = in.len > 0 ? sse_buffer_append(&t->raw, in.at, in.len) : SSE_OK;

    if (code)
        sse_transfer_note(t, code, NULL);
}

static void take(sse_transfer *t, sse_slice in)
{
    hand_over(t, &in, SIZE_MAX);
    if (t->failure || t->use.retired)
        return;
    keep(t, in);
    if (sse_transfer_holds(t) && !t->paused)
        sse_loop_defer(t->loop, &t->later);
}

static size_t make_pause(sse_transfer *t)
{
    t->use.paused = true;
    if (!t->paused)
        sse_loop_defer(t->loop, &t->later);
    return CURL_WRITEFUNC_PAUSE;
}

size_t sse_transfer_on_body(char *bytes, size_t size, size_t count, void *arg)
{
    sse_transfer *t = arg;
    size_t len = size * count;

    if (t->use.retired || t->use.failing || t->failure)
        return give_up(t);
    /* All that libcurl kept during a pause is taken: refused, it would be copied each time. */
    if (!t->use.resuming && (sse_transfer_holds(t) || room(t) == 0))
        return make_pause(t);
    if (t->undecodable)
        sse_transfer_note(t, t->undecodable,
                          t->undecodable == SSE_EPROTO
                              ? "the body's coding is not known (expected " SSE_DECODER_CODINGS ")"
                              : NULL);
    else if (t->use.resuming)
        keep(t, (sse_slice){ bytes, len });
    else if (t->decoder || len > PIECE)
        take(t, (sse_slice){ bytes, len });
    else
        give(t, bytes, len);
    return t->failure || t->use.retired ? give_up(t) : len;
}

/* --- on the loop ------------------------------------------------------------------------------ */

/* The deferred calls are in the same order in each turn: were those behind a slow one passed over,
 * they would be for as long as it has something. */
static void hand_over_held(sse_transfer *t)
{
    sse_slice in = { NULL, t->raw.len - t->raw_at };
    bool over = sse_loop_slice_over(t->loop, sse_loop_now_us(t->loop));

    if (t->raw.data)
        in.at = t->raw.data + t->raw_at;
    hand_over(t, &in, over ? LITTLE : SIZE_MAX);
    t->raw_at = t->raw.len - in.len;
    if (in.len > 0)
        return;
    sse_buffer_free(&t->raw);
    t->raw_at = 0;
}

static void proceed(sse_transfer *t)
{
    if (t->use.paused && !sse_transfer_holds(t) && room(t) > 0)
        sse_multi_resume(t->multi, &t->use);
    if (sse_transfer_holds(t))
        hand_over_held(t);
    if (t->use.retired || t->done || t->paused)
        return;
    if (t->failure)
        sse_transfer_fail(t);
    else if (sse_transfer_holds(t) || t->use.paused)
        sse_loop_defer(t->loop, &t->later);
    else if (t->ended)
        sse_transfer_finish(t);
}

void sse_transfer_go_on(void *arg)
{
    sse_transfer *t = arg;
    sse_multi *multi = t->multi;

    sse_multi_enter(multi); /* t stays until leave, whatever its callbacks do */
    proceed(t);
    sse_multi_leave(multi);
}
