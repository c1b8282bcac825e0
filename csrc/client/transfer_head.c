/* The response head: its lines gathered, its bounds, the time it may take. */
#include <stdlib.h>

#include "transfer_inner.h"

/* --- its lines -------------------------------------------------------------------------------- */

void sse_transfer_forget_head(sse_transfer *t)
{
    sse_buffer_free(&t->head);
    t->lines = 0;
}

static bool is_folded(const char *line)
{
    return *line == ' ' || *line == '\t';
}

/* Counts what libcurl gives, a line of a head or some of the trailers (of a paused transfer all at
 * once), against the bounds. */
static int count_lines(sse_transfer *t, const char *lines, size_t len)
{
    t->seen += len;
    for (const char *end = lines + len; lines < end;) {
        const char *lf = memchr(lines, '\n', (size_t)(end - lines));

        if (*lines != '\r' && *lines != '\n' && !is_folded(lines))
            t->seen_lines++;
        lines = lf ? lf + 1 : end;
    }
    if (t->seen > t->max_head)
        sse_transfer_note(t, SSE_ETOOBIG, "the response's head is larger than maxHeadSize");
    else if (t->seen_lines > t->max_lines)
        sse_transfer_note(t, SSE_ETOOBIG, "the response has more fields than maxHeadFields");
    return t->failure;
}

static int keep_line(sse_transfer *t, const char *line, size_t len)
{
    int code = sse_buffer_reserve(&t->head, len + 1);

    if (code)
        return code;
    if (t->lines > 1 && is_folded(line))
        t->head.data[t->head.len - 1] = ' '; /* RFC 9112 5.2: a fold is a space */
    else
        t->lines++;
    sse_buffer_append(&t->head, line, len);
    return sse_buffer_append(&t->head, "", 1);
}

static sse_slice trim(const char *from, const char *to)
{
    return sse_slice_trim((sse_slice){ from, (size_t)(to - from) });
}

/* The kept lines but the first as fields; what has no colon is no field. */
static size_t split_head(const sse_transfer *t, sse_http1_field *fields)
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

/* --- the whole head --------------------------------------------------------------------------- */

/* libcurl would undo any transfer coding, also one that nobody asked for, and without a bound on
 * what it becomes. */
static bool has_strange_transfer_coding(const sse_http1_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sse_slice value = fields[i].value;

        if (fields[i].name.len != 17 || !curl_strnequal(fields[i].name.at, "transfer-encoding", 17))
            continue;
        if (!(value.len == 7 && curl_strnequal(value.at, "chunked", 7)) &&
            !(value.len == 8 && curl_strnequal(value.at, "identity", 8)))
            return true;
    }
    return false;
}

static int give_head(sse_transfer *t, int status, const sse_http1_field *fields, size_t count)
{
    if (has_strange_transfer_coding(fields, count)) {
        sse_transfer_note(t, SSE_EPROTO, "a transfer coding other than chunked");
        return t->failure;
    }
    sse_transfer_decode(t, fields, count);
    t->head_done = true;
    sse_timer_stop(&t->head_timer);
    t->active = sse_loop_now(t->loop);
    sse_connection_info_read(&t->connection_info, t->easy, t->https);
    t->callbacks.on_head(t->user, status, fields, count);
    return SSE_OK;
}

static int finish_head(sse_transfer *t)
{
    sse_http1_field *fields = NULL;
    long status = 0;
    int code = SSE_OK;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    t->head_begun = 0;
    if (status < 200) {
        sse_transfer_forget_head(t); /* the final head follows, but for 101, which nobody asked for
                                      */
        t->interim = true;
        return status == 101 ? SSE_EPROTO : SSE_OK;
    }
    fields = calloc(t->lines, sizeof *fields);
    if (!fields)
        return SSE_ENOMEM;
    code = give_head(t, (int)status, fields, split_head(t, fields));
    free(fields);
    sse_transfer_forget_head(t);
    return code;
}

static int take_line(sse_transfer *t, const char *line, size_t len)
{
    if (!t->head_begun)
        t->head_begun = sse_loop_now(t->loop);
    if (len > 0)
        return memchr(line, '\0', len) ? SSE_EPROTO : keep_line(t, line, len);
    return t->lines > 0 ? finish_head(t) : SSE_OK;
}

size_t sse_transfer_on_header(char *bytes, size_t size, size_t count, void *arg)
{
    sse_transfer *t = arg;
    size_t all = size * count, len = all;
    int code = SSE_OK;

    if (t->use.retired || t->failure)
        return 0;
    code = count_lines(t, bytes, all);
    while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
        len--;
    if (!code && !t->head_done) /* else it is a trailer's */
        code = take_line(t, bytes, len);
    if (code)
        sse_transfer_note(t, code, NULL);
    return code || t->use.retired ? 0 : all;
}

/* --- its time --------------------------------------------------------------------------------- */

/* Notices a first line that has begun and is not complete, of which libcurl tells nobody. */
static void look_for_beginning(sse_transfer *t)
{
    curl_off_t first = 0;

    if (t->head_begun || t->interim)
        return;
    curl_easy_getinfo(t->easy, CURLINFO_STARTTRANSFER_TIME_T, &first);
    if (first > 0)
        t->head_begun = sse_loop_now(t->loop);
}

static void on_head_time(void *arg)
{
    sse_transfer *t = arg;
    uint64_t age = 0;

    look_for_beginning(t);
    if (t->head_begun)
        age = sse_loop_now(t->loop) - t->head_begun;
    if (age < t->head_limit && !sse_timer_start(&t->head_timer, t->head_limit - age, false))
        return;
    if (age < t->head_limit)
        sse_transfer_note(t, SSE_ENOMEM, NULL);
    else
        sse_transfer_note(t, SSE_ETIMEDOUT, "the response's head was not complete in time");
    sse_transfer_fail(t);
}

int sse_transfer_watch_head(sse_transfer *t)
{
    sse_timer_init(&t->head_timer, t->loop, on_head_time, t);
    return sse_timer_start(&t->head_timer, t->head_limit, false);
}
