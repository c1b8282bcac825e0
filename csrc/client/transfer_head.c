#include "transfer_head.h"

#include <stdio.h>
#include <stdlib.h>

#include "../wire/error.h"
#include "transfer_body.h"
#include "transfer_end.h"

/* --- lines ------------------------------------------------------------------------------------ */

void sse_transfer_clear_head(sse_transfer *t)
{
    sse_buffer_free(&t->head);
    t->head_lines = 0;
}

static bool is_folded(const char *line)
{
    return *line == ' ' || *line == '\t';
}

/* Counts the bytes and lines that libcurl gives against the bounds: one line of a head, or trailers
 * (all of them at once where the transfer was paused). Returns the recorded failure, or SSE_OK. */
static int check_bounds(sse_transfer *t, const char *lines, size_t len)
{
    t->seen_bytes += len;
    for (const char *end = lines + len; lines < end;) {
        const char *lf = memchr(lines, '\n', (size_t)(end - lines));

        if (*lines != '\r' && *lines != '\n' && !is_folded(lines))
            t->seen_lines++;
        lines = lf ? lf + 1 : end;
    }
    if (t->seen_bytes > t->max_head_size)
        sse_transfer_set_failure(t, SSE_ETOOBIG, "the response's head is larger than maxHeadSize");
    else if (t->seen_lines > t->max_lines)
        sse_transfer_set_failure(t, SSE_ETOOBIG, "the response has more fields than maxHeadFields");
    return t->failure;
}

static int append_line(sse_transfer *t, const char *line, size_t len)
{
    int code = sse_buffer_reserve(&t->head, len + 1);

    if (code)
        return code;
    if (t->head_lines > 1 && is_folded(line))
        t->head.data[t->head.len - 1] = ' '; /* RFC 9112 5.2: a fold is a space */
    else
        t->head_lines++;
    sse_buffer_append(&t->head, line, len);
    return sse_buffer_append(&t->head, "", 1);
}

/* --- fields ----------------------------------------------------------------------------------- */

static sse_slice trim(const char *from, const char *to)
{
    return sse_slice_trim((sse_slice){ from, (size_t)(to - from) });
}

/* Splits all lines but the first, the status line, into `fields`, which has room for head_lines of
 * them. Skips lines without a name or a colon. Returns the number of fields. */
static size_t split_fields(const sse_transfer *t, sse_http1_field *fields)
{
    const char *line = t->head.data, *end = line + t->head.len;
    size_t count = 0;

    for (line += strlen(line) + 1; line < end; line += strlen(line) + 1) {
        const char *colon = strchr(line, ':');

        if (!colon || colon == line)
            continue;
        fields[count].name = trim(line, colon);
        fields[count++].value = trim(colon + 1, line + strlen(line));
    }
    return count;
}

/* Says whether the response has a transfer coding other than chunked. libcurl would decode such a
 * body though no such coding was asked for, and without a bound on what the body grows to. */
static bool has_other_transfer_coding(const sse_http1_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sse_slice value = fields[i].value;

        if (sse_slice_is_name(fields[i].name, "transfer-encoding") &&
            !sse_slice_is_name(value, "chunked") && !sse_slice_is_name(value, "identity"))
            return true;
    }
    return false;
}

static int report_head(sse_transfer *t, int status, const sse_http1_field *fields, size_t count)
{
    if (has_other_transfer_coding(fields, count)) {
        sse_transfer_set_failure(t, SSE_EPROTO, "a transfer coding other than chunked");
        return t->failure;
    }
    sse_connection_info_read(&t->connection_info, t->easy, t->https);
    sse_multi_on_head(&t->entry, sse_connection_is_http2(&t->connection_info));
    if (t->only_http2 && !sse_connection_is_http2(&t->connection_info)) {
        sse_transfer_set_failure(t, SSE_EPROTO, SSE_NO_HTTP2);
        return t->failure;
    }
    sse_transfer_prepare_decoder(t, fields, count);
    t->head_done = true;
    sse_timer_stop(&t->head_timer);
    t->active = sse_loop_now(t->loop);
    t->callbacks.on_head(t->user, status, fields, count);
    return SSE_OK;
}

static int end_head(sse_transfer *t)
{
    sse_http1_field *fields = NULL;
    long status = 0;
    int code = SSE_OK;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    t->head_began = 0;
    if (status < 200) { /* interim: the final head follows, but not after a 101 */
        sse_transfer_clear_head(t);
        t->had_interim = true;
        return status == 101 ? SSE_EPROTO : SSE_OK;
    }
    fields = calloc(t->head_lines, sizeof *fields);
    if (!fields)
        return SSE_ENOMEM;
    code = report_head(t, (int)status, fields, split_fields(t, fields));
    free(fields);
    sse_transfer_clear_head(t);
    return code;
}

static int add_line(sse_transfer *t, const char *line, size_t len)
{
    if (!t->head_began)
        t->head_began = sse_loop_now(t->loop);
    if (len > 0)
        return memchr(line, '\0', len) ? SSE_EPROTO : append_line(t, line, len);
    return t->head_lines > 0 ? end_head(t) : SSE_OK;
}

size_t sse_transfer_on_header(char *bytes, size_t size, size_t count, void *arg)
{
    sse_transfer *t = arg;
    size_t all = size * count, len = all;
    int code = SSE_OK;

    if (t->entry.removed || t->failure)
        return 0;
    code = check_bounds(t, bytes, all);
    while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
        len--;
    if (!code && !t->head_done) /* after the final head come trailers, which nobody is given */
        code = add_line(t, bytes, len);
    if (code)
        sse_transfer_set_failure(t, code, NULL);
    return code || t->entry.removed ? 0 : all;
}

/* --- time ------------------------------------------------------------------------------------- */

static void fail_timed_out(sse_transfer *t, const char *text)
{
    sse_transfer_set_failure(t, SSE_ETIMEDOUT, text);
    sse_transfer_abort(t);
}

/* Sets head_began for a head whose first line is not complete yet: libcurl reports whole lines
 * only, but knows when the response's first byte came. After an interim head that says nothing of
 * the next head, whose first whole line then sets head_began. */
static void detect_beginning(sse_transfer *t)
{
    curl_off_t first = 0;

    if (t->head_began || t->had_interim)
        return;
    curl_easy_getinfo(t->easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
    if (first > 0)
        t->head_began = sse_loop_now(t->loop);
}

static void on_head_timer(void *arg)
{
    sse_transfer *t = arg;
    uint64_t seen = sse_loop_seen(t->loop), age = 0;

    if (!t->connected) {
        curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, NULL); /* libcurl would write over it */
        snprintf(t->curl_message, sizeof t->curl_message, "no connection within %llu ms",
                 (unsigned long long)t->connect_timeout);
        fail_timed_out(t, t->curl_message);
        return;
    }
    detect_beginning(t);
    if (t->head_began && seen > t->head_began)
        age = seen - t->head_began;
    if (age >= t->connect_timeout) {
        fail_timed_out(t, "the response's head was not complete in time");
    } else if (sse_timer_start(&t->head_timer, t->connect_timeout - age, false)) {
        sse_transfer_set_failure(t, SSE_ENOMEM, NULL);
        sse_transfer_abort(t);
    }
}

void sse_transfer_init_head_timer(sse_transfer *t)
{
    sse_timer_init(&t->head_timer, t->loop, on_head_timer, t);
}

int sse_transfer_start_head_timer(sse_transfer *t)
{
    t->entry.connect_due = sse_loop_now(t->loop) + t->connect_timeout;
    return sse_timer_start(&t->head_timer, t->connect_timeout, false);
}
