/* The body is decoded here rather than by libcurl, which decodes a whole packet within one call
 * whatever it grows to. Each body has a share of a turn of the loop: decoded bytes, and time. What
 * is beyond the share, or comes during a pause, waits in `undelivered` as it was received. */
#include "transfer_body.h"

#include "../wire/error.h"
#include "curl_bugs.h"
#include "transfer_end.h"

#define PIECE_SIZE ((size_t)16 << 10) /* most bytes that on_body is given at once */
#define TURN_SIZE  ((size_t)64 << 10) /* most decoded bytes of one body in a turn of the loop */
#define LATE_SIZE  ((size_t)4 << 10)  /* handed over though other deferred calls used up the time */

bool sse_transfer_has_undelivered(const sse_transfer *t)
{
    return t->undelivered.len > t->undelivered_at || t->decoder_full;
}

/* Calls on_body. next_size has set now_us right before. */
static void deliver(sse_transfer *t, const char *bytes, size_t len)
{
    int code = SSE_OK;

    t->active = t->now_us / 1000;
    t->bytes += len;
    code = t->callbacks.on_body(t->user, bytes, len);
    if (code)
        sse_transfer_set_failure(t, code, NULL);
}

/* --- decoding --------------------------------------------------------------------------------- */

void sse_transfer_prepare_decoder(sse_transfer *t, const sse_http1_field *fields, size_t count)
{
    if (!t->decodes)
        return;
    for (size_t i = 0; i < count && !t->decoder_error; i++) {
        if (!sse_slice_is_name(fields[i].name, "content-encoding"))
            continue;
        if (t->decoder)
            t->decoder_error = SSE_EPROTO; /* a coding upon another: no honest server does that */
        else
            t->decoder_error = sse_decoder_new(&t->decoder, fields[i].value);
    }
}

/* Returns how many bytes may be handed over next; 0 when the turn's share is used up, and while the
 * transfer is paused, failed or freed. */
static size_t next_size(sse_transfer *t)
{
    uint64_t turn = sse_loop_turns(t->loop);
    size_t left = PIECE_SIZE;

    if (t->failure || t->entry.removed || t->paused)
        return 0;
    t->now_us = sse_loop_now_us(t->loop);
    if (t->turn != turn) {
        t->turn_bytes = 0;
        t->turn_began_us = t->now_us;
    }
    t->turn = turn;
    if (t->now_us - t->turn_began_us > SSE_LOOP_SLICE_US)
        return 0;
    if (t->decoder)
        left = TURN_SIZE - t->turn_bytes;
    return left < PIECE_SIZE ? left : PIECE_SIZE;
}

static const char *text_of_decoding(int code)
{
    if (code == SSE_ETOOBIG)
        return "the body grows out of all proportion as it is decompressed";
    return code == SSE_EPROTO ? "the compressed body is broken" : NULL;
}

static void decode_piece(sse_transfer *t, sse_slice *in, size_t cap)
{
    char piece[PIECE_SIZE];
    size_t len = 0;
    int code = sse_decoder_run(t->decoder, in, piece, cap, &len);

    t->decoder_full = !code && len == cap;
    t->turn_bytes += len;
    if (len > 0)
        deliver(t, piece, len);
    if (code)
        sse_transfer_set_failure(t, code, text_of_decoding(code));
}

/* Hands over bytes from the front of *in, which loses them, until *in is empty, the turn's share is
 * used up, `most` bytes were handed over, or the transfer is paused, failed or freed. */
static void deliver_input(sse_transfer *t, sse_slice *in, size_t most)
{
    uint64_t before = t->bytes;

    while ((in->len > 0 || t->decoder_full) && t->bytes - before < most) {
        size_t left = most - (size_t)(t->bytes - before), cap = next_size(t), n = 0;

        if (cap == 0)
            return;
        cap = cap < left ? cap : left;
        if (t->decoder) {
            decode_piece(t, in, cap);
            continue;
        }
        n = in->len < cap ? in->len : cap;
        in->at += n;
        in->len -= n;
        deliver(t, in->at - n, n);
    }
}

/* --- from libcurl ----------------------------------------------------------------------------- */

static size_t refuse_body(sse_transfer *t)
{
    sse_curl_close_when_aborted(t->easy);
    return CURL_WRITEFUNC_ERROR;
}

static void keep_undelivered(sse_transfer *t, sse_slice in)
{
    int code = in.len > 0 ? sse_buffer_append(&t->undelivered, in.at, in.len) : SSE_OK;

    if (code)
        sse_transfer_set_failure(t, code, NULL);
}

static void receive(sse_transfer *t, sse_slice in)
{
    deliver_input(t, &in, SIZE_MAX);
    if (t->failure || t->entry.removed)
        return;
    keep_undelivered(t, in);
    if (sse_transfer_has_undelivered(t) && !t->paused)
        sse_loop_defer(t->loop, &t->deferred);
}

static size_t pause_libcurl(sse_transfer *t)
{
    t->entry.paused = true;
    if (!t->paused)
        sse_loop_defer(t->loop, &t->deferred);
    return CURL_WRITEFUNC_PAUSE;
}

static void fail_undecodable(sse_transfer *t)
{
    const char *text = NULL;

    if (t->decoder_error == SSE_EPROTO)
        text = "the body's coding is not known (expected " SSE_DECODER_CODINGS ")";
    sse_transfer_set_failure(t, t->decoder_error, text);
}

size_t sse_transfer_on_body(char *bytes, size_t size, size_t count, void *arg)
{
    sse_transfer *t = arg;
    size_t len = size * count;

    if (t->entry.removed || t->entry.failing || t->failure)
        return refuse_body(t);
    /* What libcurl kept during a pause comes in pieces when it is resumed. Each is taken, for a
     * refused piece makes libcurl copy all that is left. */
    if (!t->entry.resuming && (sse_transfer_has_undelivered(t) || next_size(t) == 0))
        return pause_libcurl(t);
    if (t->decoder_error)
        fail_undecodable(t);
    else if (t->entry.resuming)
        keep_undelivered(t, (sse_slice){ bytes, len });
    else if (t->decoder || len > PIECE_SIZE)
        receive(t, (sse_slice){ bytes, len });
    else
        deliver(t, bytes, len);
    return t->failure || t->entry.removed ? refuse_body(t) : len;
}

/* --- on the loop ------------------------------------------------------------------------------ */

/* Where the turn's time for deferred calls is used up, LATE_SIZE bytes are handed over all the
 * same: deferred calls run in the same order in each turn, so a body behind a slow one would get
 * nothing as long as the slow one has bytes. */
static void deliver_undelivered(sse_transfer *t)
{
    sse_slice in = { NULL, t->undelivered.len - t->undelivered_at };
    bool late = sse_loop_slice_over(t->loop, sse_loop_now_us(t->loop));

    if (t->undelivered.data)
        in.at = t->undelivered.data + t->undelivered_at;
    deliver_input(t, &in, late ? LATE_SIZE : SIZE_MAX);
    t->undelivered_at = t->undelivered.len - in.len;
    if (in.len > 0)
        return;
    sse_buffer_free(&t->undelivered);
    t->undelivered_at = 0;
}

/* Goes on in a later turn with what the turn's share or a pause held back. libcurl is asked for
 * what it holds only when nothing waits here. At the end reports how the transfer ended. */
static void continue_body(sse_transfer *t)
{
    if (t->entry.paused && !sse_transfer_has_undelivered(t) && next_size(t) > 0)
        sse_multi_resume(t->multi, &t->entry);
    if (sse_transfer_has_undelivered(t))
        deliver_undelivered(t);
    if (t->entry.removed || t->done || t->paused)
        return;
    if (t->failure)
        sse_transfer_abort(t);
    else if (sse_transfer_has_undelivered(t) || t->entry.paused)
        sse_loop_defer(t->loop, &t->deferred);
    else if (t->curl_done)
        sse_transfer_report_end(t);
}

void sse_transfer_continue_body(void *arg)
{
    sse_transfer *t = arg;
    sse_multi *multi = t->multi;

    sse_multi_begin_callbacks(multi); /* a callback may free t, which then stays until the end */
    continue_body(t);
    sse_multi_end_callbacks(multi);
}
