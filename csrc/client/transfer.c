/* A transfer's start and end, its pauses, and what is asked of it. */
#include <stdlib.h>

#include "transfer_inner.h"

#define CONNECT_TIMEOUT 300000 /* ms: libcurl's own */

/* --- the end ---------------------------------------------------------------------------------- */

static void keep(sse_transfer *t)
{
    if (!t->kept)
        sse_loop_keep(t->loop);
    t->kept = true;
}

static void release(sse_transfer *t)
{
    if (t->kept)
        sse_loop_release(t->loop);
    t->kept = false;
}

void sse_transfer_note(sse_transfer *t, int code, const char *why)
{
    if (t->failure)
        return;
    t->failure = code;
    t->why = why;
}

static void tell_end(sse_transfer *t, int code, const char *message)
{
    t->done = true;
    release(t);
    sse_loop_undefer(t->loop, &t->later);
    sse_timer_stop(&t->head_timer);
    t->callbacks.on_done(t->user, code, message);
}

static const char *text_of(const sse_transfer *t)
{
    if (t->result == CURLE_PARTIAL_FILE)
        return "the connection broke off before the end of the answer";
    return *t->message ? t->message : curl_easy_strerror(t->result);
}

void sse_transfer_finish(sse_transfer *t)
{
    const char *why = NULL;
    int code = SSE_OK;

    if (t->failure) {
        tell_end(t, t->failure, t->why ? t->why : sse_error_text(t->failure));
        return;
    }
    code = sse_transfer_code(t, t->result, &why);
    if (code)
        tell_end(t, code, why ? why : text_of(t));
    else if (!t->head_done)
        tell_end(t, SSE_EPROTO, "the answer has no HTTP head");
    else
        tell_end(t, SSE_OK, NULL);
}

static void on_curl_done(sse_multi_user *use, int curl_code)
{
    sse_transfer *t = (sse_transfer *)use;

    t->ended = true;
    t->result = (CURLcode)curl_code;
    if (t->failure || !sse_transfer_holds(t))
        sse_transfer_finish(t);
    else if (!t->paused) /* what was received comes before the end */
        sse_loop_defer(t->loop, &t->later);
}

void sse_transfer_fail(sse_transfer *t)
{
    if (t->use.added)
        sse_multi_fail(t->multi, &t->use, CURLE_ABORTED_BY_CALLBACK);
    else
        sse_transfer_finish(t);
}

static void destroy(sse_multi_user *use)
{
    sse_transfer *t = (sse_transfer *)use;

    if (t->easy)
        curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    sse_transfer_forget_head(t);
    sse_decoder_free(t->decoder);
    sse_buffer_free(&t->raw);
    free(t);
}

/* --- interface -------------------------------------------------------------------------------- */

static void begin(void *arg)
{
    sse_transfer *t = arg;
    int code = sse_transfer_watch_head(t);

    t->later.call = sse_transfer_go_on;
    if (!code)
        code = sse_multi_add(t->multi, &t->use);
    if (code)
        tell_end(t, code, sse_error_text(code));
}

static void take_limits(sse_transfer *t, const sse_transfer_options *o)
{
    t->max_head = o->max_head ? o->max_head : SSE_RESPONSE_HEAD;
    t->max_lines = (o->max_fields ? o->max_fields : SSE_RESPONSE_FIELDS) + 1; /* the status line */
    t->head_limit = o->connect_timeout ? o->connect_timeout : CONNECT_TIMEOUT;
    t->decodes = !o->raw;
    sse_buffer_init(&t->head, SSE_MAX_RESPONSE_HEAD + 1);
    sse_buffer_init(&t->raw, SIZE_MAX);
}

int sse_transfer_start(sse_transfer **out, sse_multi *m, const sse_transfer_options *options,
                       const sse_transfer_callbacks *callbacks, void *user, const char **why)
{
    sse_transfer *t = calloc(1, sizeof *t);
    int code = SSE_ENOMEM;

    *why = NULL;
    if (!t)
        return code;
    t->use = (sse_multi_user){ .on_done = on_curl_done, .destroy = destroy };
    t->multi = m;
    t->loop = sse_multi_loop(m);
    t->callbacks = *callbacks;
    t->user = user;
    t->https = curl_strnequal(options->url, "https:", 6);
    sse_deferred_init(&t->later, begin, t);
    sse_timer_init(&t->head_timer, t->loop, NULL, NULL);
    take_limits(t, options);
    t->easy = t->use.easy = curl_easy_init();
    if (t->easy)
        code = sse_transfer_configure(t, options, why);
    if (code) {
        destroy(&t->use);
        return code;
    }
    t->active = sse_loop_now(t->loop);
    keep(t);
    sse_loop_defer(t->loop, &t->later);
    *out = t;
    return SSE_OK;
}

void sse_transfer_free(sse_transfer *t)
{
    if (!t)
        return;
    release(t);
    sse_loop_undefer(t->loop, &t->later);
    sse_timer_stop(&t->head_timer);
    sse_multi_retire(t->multi, &t->use);
}

static bool has_begun(const sse_transfer *t)
{
    return t->later.call == sse_transfer_go_on;
}

void sse_transfer_pause(sse_transfer *t)
{
    t->paused = true; /* libcurl is told by the answer to its next piece */
    if (t->head_done)
        release(t);
    if (has_begun(t))
        sse_loop_undefer(t->loop, &t->later);
}

void sse_transfer_resume(sse_transfer *t)
{
    if (!t->paused)
        return;
    t->paused = false;
    if (t->done)
        return;
    keep(t);
    if (has_begun(t))
        sse_loop_defer(t->loop, &t->later);
}

const sse_connection_info *sse_transfer_connection_info(const sse_transfer *t)
{
    return &t->connection_info;
}

uint64_t sse_transfer_bytes(const sse_transfer *t)
{
    return t->bytes;
}

uint64_t sse_transfer_active(const sse_transfer *t)
{
    return t->active;
}
