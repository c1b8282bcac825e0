#include "encoder.h"

#include <inttypes.h>
#include <stdio.h>

#include "error.h"
#include "scan.h"

#define RETRY_LINE 32 /* bytes; "retry: 9223372036854775807" LF takes 27 */

/* A text that is split into lines. "a" LF is the two lines "a" and "". */
typedef struct lines {
    const char *at, *end; /* what is left; at NULL: nothing */
    sse_scan scan;
} lines;

static bool next_line(lines *text, sse_slice *line)
{
    bool non_ascii = false;
    const char *eol = NULL;

    if (!text->at)
        return false;
    eol = sse_scan_line(&text->scan, text->at, text->end, &non_ascii);
    *line = (sse_slice){ text->at, (size_t)(eol - text->at) };
    if (eol == text->end) {
        text->at = NULL;
        return true;
    }
    text->at = eol + (eol[0] == '\r' && eol + 1 < text->end && eol[1] == '\n' ? 2 : 1);
    return true;
}

static void put(sse_buffer *out, const char *bytes, size_t len)
{
    memcpy(out->data + out->len, bytes, len);
    out->len += len;
}

/* Writes `name: value` LF into reserved room. Clients drop one space behind the colon: this one,
 * not a space with which the value begins. Before an empty value no space is needed. */
static void put_line(sse_buffer *out, sse_slice name, sse_slice value)
{
    put(out, name.at, name.len);
    put(out, ": ", value.len ? 2 : 1);
    if (value.len)
        put(out, value.at, value.len);
    put(out, "\n", 1);
}

static int append_line(sse_buffer *out, sse_slice name, sse_slice value)
{
    int code = value.len > SIZE_MAX - name.len - 3
                   ? SSE_ETOOBIG
                   : sse_buffer_reserve(out, name.len + value.len + 3);

    if (!code)
        put_line(out, name, value);
    return code;
}

static int append_lines(sse_buffer *out, sse_slice name, sse_slice text)
{
    lines rest = { .at = text.at, .end = text.at ? text.at + text.len : NULL };
    sse_slice line = { 0 };
    int code = SSE_OK;

    sse_scan_init(&rest.scan, text.at);
    while (!code && next_line(&rest, &line))
        code = append_line(out, name, line);
    return code;
}

/* Says whether a value cannot be sent in a field of one line: it holds CR or LF, or NUL, which
 * makes clients drop an id. */
static bool is_unsendable(sse_slice s)
{
    return s.at && s.len &&
           (memchr(s.at, '\n', s.len) || memchr(s.at, '\r', s.len) || memchr(s.at, 0, s.len));
}

/* Returns the name of the first field that cannot be sent, or NULL. */
static const char *refused_field(const sse_event *event)
{
    if (is_unsendable(event->type))
        return "event";
    if (is_unsendable(event->id))
        return "id";
    return event->retry < 0 && event->retry != SSE_NO_RETRY ? "retry" : NULL;
}

static int append_retry(sse_buffer *out, int64_t ms)
{
    char line[RETRY_LINE];
    int len = snprintf(line, sizeof line, "retry: %" PRId64 "\n", ms);

    return sse_buffer_append(out, line, (size_t)len);
}

int sse_encode_event(sse_buffer *out, const sse_event *event, const char **field)
{
    const char *refused = refused_field(event);
    size_t before = out->len;
    int code = SSE_OK;

    if (refused) {
        if (field)
            *field = refused;
        return SSE_EINVAL;
    }
    if (event->type.at)
        code = append_line(out, SSE_SLICE("event"), event->type);
    if (!code && event->id.at)
        code = append_line(out, SSE_SLICE("id"), event->id);
    if (!code && event->retry != SSE_NO_RETRY)
        code = append_retry(out, event->retry);
    if (!code)
        code = append_lines(out, SSE_SLICE("data"), event->data);
    if (!code)
        code = sse_buffer_append(out, "\n", 1);
    if (code)
        out->len = before;
    return code;
}

int sse_encode_id(sse_buffer *out, sse_slice id, const char **field)
{
    sse_event event = { .id = id, .retry = SSE_NO_RETRY };

    if (id.len == 0 || refused_field(&event)) {
        if (field)
            *field = "id";
        return SSE_EINVAL;
    }
    return append_line(out, SSE_SLICE("id"), id);
}

int sse_encode_comment(sse_buffer *out, sse_slice text)
{
    size_t before = out->len;
    int code = append_lines(out, SSE_SLICE(""), text.at ? text : SSE_SLICE(""));

    if (!code)
        code = sse_buffer_append(out, "\n", 1);
    if (code)
        out->len = before;
    return code;
}
