#include "transfer_end.h"

#include "../wire/error.h"
#include "transfer_code.h"

/* --- the loop --------------------------------------------------------------------------------- */

void sse_transfer_keep_loop(sse_transfer *t)
{
    if (!t->keeps_loop)
        sse_loop_ref(t->loop);
    t->keeps_loop = true;
}

void sse_transfer_release_loop(sse_transfer *t)
{
    if (t->keeps_loop)
        sse_loop_unref(t->loop);
    t->keeps_loop = false;
}

void sse_transfer_leave_loop(sse_transfer *t)
{
    sse_transfer_release_loop(t);
    sse_loop_undefer(t->loop, &t->deferred);
    sse_timer_stop(&t->head_timer);
}

/* --- failure and end -------------------------------------------------------------------------- */

void sse_transfer_set_failure(sse_transfer *t, int code, const char *text)
{
    if (t->failure)
        return;
    t->failure = code;
    t->failure_text = text;
}

static void report(sse_transfer *t, int code, const char *message)
{
    t->done = true;
    sse_transfer_leave_loop(t);
    t->callbacks.on_done(t->user, code, message);
}

static const char *text_of_result(const sse_transfer *t)
{
    if (t->curl_result == CURLE_PARTIAL_FILE)
        return "the connection broke off before the end of the answer";
    return *t->curl_message ? t->curl_message : curl_easy_strerror(t->curl_result);
}

void sse_transfer_report_end(sse_transfer *t)
{
    const char *text = NULL;
    int code = SSE_OK;

    if (t->failure) {
        report(t, t->failure, t->failure_text ? t->failure_text : sse_error_text(t->failure));
        return;
    }
    code = sse_transfer_map_result(t, t->curl_result, &text);
    if (code)
        report(t, code, text ? text : text_of_result(t));
    else if (!t->head_done)
        report(t, SSE_EPROTO, "the answer has no HTTP head");
    else if (t->decoder && sse_decoder_is_cut(t->decoder))
        report(t, SSE_ECONNRESET, "the compressed body broke off before its end");
    else
        report(t, SSE_OK, NULL);
}

void sse_transfer_abort(sse_transfer *t)
{
    if (t->entry.added)
        sse_multi_fail(t->multi, &t->entry, CURLE_ABORTED_BY_CALLBACK);
    else
        sse_transfer_report_end(t);
}
