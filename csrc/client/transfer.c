#include "transfer.h"

#include <stdlib.h>

#include "../wire/error.h"
#include "easy_pool.h"
#include "transfer_body.h"
#include "transfer_end.h"
#include "transfer_head.h"
#include "transfer_setup.h"
#include "transfer_state.h"

/* --- start ------------------------------------------------------------------------------------ */

/* Hands the request to libcurl: a deferred call, because libcurl may be at work when the transfer
 * is started, and because no callback may come before sse_transfer_start has returned. */
static void begin(void *arg)
{
    sse_transfer *t = arg;
    int code = sse_transfer_start_head_timer(t);

    t->deferred.call = sse_transfer_continue_body;
    if (!code) {
        sse_multi_add(t->multi, &t->entry);
        return;
    }
    sse_transfer_set_failure(t, code, NULL);
    sse_transfer_report_end(t);
}

static bool has_begun(const sse_transfer *t)
{
    return t->deferred.call == sse_transfer_continue_body;
}

static void on_curl_done(sse_multi_entry *entry, int curl_code)
{
    sse_transfer *t = (sse_transfer *)entry;

    t->curl_done = true;
    t->curl_result = (CURLcode)curl_code;
    if (t->failure || !sse_transfer_has_undelivered(t))
        sse_transfer_report_end(t);
    else if (!t->paused) /* the rest of the body comes before the end */
        sse_loop_defer(t->loop, &t->deferred);
}

static void destroy(sse_multi_entry *entry)
{
    sse_transfer *t = (sse_transfer *)entry;

    sse_easy_pool_give(sse_multi_easy_pool(t->multi), t->easy,
                       t->common && t->curl_done && t->curl_result == CURLE_OK && !t->failure);
    curl_slist_free_all(t->headers);
    sse_transfer_clear_head(t);
    sse_decoder_free(t->decoder);
    sse_buffer_free(&t->undelivered);
    free(t);
}

/* Whether the transfer may have an easy handle that served another one, and leave its own to a
 * third. Both then have no option that is private. A field `Host` counts as one: libcurl goes on to
 * match cookies with its value. */
static bool is_common(const sse_transfer_options *o)
{
    for (size_t i = 0; i < o->header_count; i++)
        if (sse_slice_is_name(o->headers[i].name, "host"))
            return false;
    return !o->user && !o->password && !o->cookies && !o->cookie_file && !o->proxy &&
           !o->no_proxy && !o->ca && !o->cert && !o->key && !o->insecure && !o->insecure_proxy &&
           !o->unix_socket && !o->body.at;
}

static void take_limits(sse_transfer *t, const sse_transfer_options *o)
{
    t->max_head_size = o->max_head_size ? o->max_head_size : SSE_RESPONSE_HEAD;
    t->max_lines = (o->max_fields ? o->max_fields : SSE_RESPONSE_FIELDS) + 1; /* the status line */
    t->connect_timeout = o->connect_timeout ? o->connect_timeout : SSE_CONNECT_TIMEOUT;
    t->decodes = !o->raw;
    t->common = is_common(o);
    sse_buffer_init(&t->head, SSE_MAX_RESPONSE_HEAD + 1);
    sse_buffer_init(&t->undelivered, SIZE_MAX);
}

int sse_transfer_start(sse_transfer **out, sse_multi *m, const sse_transfer_options *options,
                       const sse_transfer_callbacks *callbacks, void *user, const char **why)
{
    sse_transfer *t = calloc(1, sizeof *t);
    int code = SSE_ENOMEM;

    *why = NULL;
    if (!t)
        return code;
    t->entry = (sse_multi_entry){ .on_done = on_curl_done, .destroy = destroy };
    t->multi = m;
    t->loop = sse_multi_loop(m);
    t->callbacks = *callbacks;
    t->user = user;
    t->https = curl_strnequal(options->url, "https:", 6);
    sse_deferred_init(&t->deferred, begin, t);
    sse_transfer_init_head_timer(t);
    take_limits(t, options);
    t->easy = t->common ? sse_easy_pool_take(sse_multi_easy_pool(m)) : curl_easy_init();
    t->entry.easy = t->easy;
    if (t->easy)
        code = sse_transfer_configure(t, options, why);
    if (code) {
        destroy(&t->entry);
        return code;
    }
    t->active = sse_loop_now(t->loop);
    sse_multi_enter(m, &t->entry);
    sse_transfer_keep_loop(t);
    sse_loop_defer(t->loop, &t->deferred);
    *out = t;
    return SSE_OK;
}

/* --- what its owner asks for ------------------------------------------------------------------ */

void sse_transfer_free(sse_transfer *t)
{
    if (!t)
        return;
    sse_transfer_leave_loop(t);
    sse_multi_remove(t->multi, &t->entry);
}

void sse_transfer_pause(sse_transfer *t)
{
    t->paused = true; /* sse_transfer_on_body pauses libcurl when the next piece comes */
    if (t->head_done)
        sse_transfer_release_loop(t);
    if (has_begun(t))
        sse_loop_undefer(t->loop, &t->deferred);
}

void sse_transfer_resume(sse_transfer *t)
{
    if (!t->paused)
        return;
    t->paused = false;
    if (t->done)
        return;
    sse_transfer_keep_loop(t);
    if (has_begun(t))
        sse_loop_defer(t->loop, &t->deferred);
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
