#include "gap.h"

#include <stdio.h>

#include "error.h"
#include "utf8.h"

/* Appends the text as a JSON string (RFC 8259 section 7). */
static int append_string(sse_buffer *out, sse_slice text)
{
    sse_buffer clean;
    int code = SSE_OK;

    sse_buffer_init(&clean, SIZE_MAX);
    code = sse_utf8_replace(&clean, text);
    if (!code)
        code = sse_buffer_append(out, "\"", 1);
    for (size_t i = 0; i < clean.len && !code; i++) {
        unsigned char c = (unsigned char)clean.data[i];
        char escape[8] = { (char)c };
        int len = 1;

        if (c == '"' || c == '\\')
            len = snprintf(escape, sizeof escape, "\\%c", c);
        else if (c < 0x20)
            len = snprintf(escape, sizeof escape, "\\u%04x", c);
        code = sse_buffer_append(out, escape, (size_t)len);
    }
    if (!code)
        code = sse_buffer_append(out, "\"", 1);
    sse_buffer_free(&clean);
    return code;
}

/* Appends `name`, which ends with the colon, and the value as a JSON string. */
static int append_member(sse_buffer *out, const char *name, sse_slice value)
{
    int code = sse_buffer_append(out, name, strlen(name));

    return code ? code : append_string(out, value);
}

int sse_gap_frame(sse_slice type, sse_slice last_id, const char *reason, sse_slice channel,
                  sse_frame **out)
{
    sse_event event = { .type = type, .retry = SSE_NO_RETRY };
    sse_buffer json;
    int code = SSE_OK;

    sse_buffer_init(&json, SIZE_MAX);
    code = append_member(&json, "{\"lastEventId\":", sse_utf8_cut(last_id, SSE_MAX_GAP_ID));
    if (!code)
        code = append_member(&json, ",\"reason\":", sse_slice_text(reason));
    if (!code && channel.at)
        code = append_member(&json, ",\"channel\":", channel);
    if (!code)
        code = sse_buffer_append(&json, "}", 1);
    if (!code) {
        event.data = sse_buffer_slice(&json);
        code = sse_frame_event(&event, SIZE_MAX, out, NULL);
    }
    sse_buffer_free(&json);
    return code;
}
