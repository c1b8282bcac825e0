#include "frame.h"

#include <stdio.h>
#include <stdlib.h>

#include "error.h"

#define CHUNK_HEAD 20 /* 16 hexadecimal digits, CR LF, NUL */

/* Makes a frame whose payload is still to be written between `head` and, where there is a head, the
 * chunk's CRLF. */
static sse_frame *new_frame(size_t payload, const char *head, size_t head_len)
{
    size_t around = sizeof(sse_frame) + head_len + 2;
    sse_frame *f = payload > SIZE_MAX - around ? NULL : malloc(around + payload);

    if (!f)
        return NULL;
    *f = (sse_frame){ .refs = 1, .head = (uint32_t)head_len, .payload = payload };
    memcpy(f->bytes, head, head_len);
    if (head_len > 0)
        memcpy(f->bytes + head_len + payload, "\r\n", 2);
    return f;
}

sse_frame *sse_frame_alloc(size_t payload)
{
    char head[CHUNK_HEAD];
    int len = 0;

    if (payload == 0)
        return NULL;
    len = snprintf(head, sizeof head, "%zx\r\n", payload);
    return new_frame(payload, head, (size_t)len);
}

static sse_frame *fill(sse_frame *f, sse_slice payload)
{
    if (f && payload.len > 0)
        memcpy(sse_frame_body(f), payload.at, payload.len);
    return f;
}

sse_frame *sse_frame_new(sse_slice payload)
{
    return fill(sse_frame_alloc(payload.len), payload);
}

sse_frame *sse_frame_raw(sse_slice bytes)
{
    return fill(new_frame(bytes.len, "", 0), bytes);
}

sse_frame *sse_frame_raw_alloc(size_t len)
{
    return new_frame(len, "", 0);
}

int sse_frame_event(const sse_event *event, size_t max, sse_frame **out, const char **field)
{
    sse_buffer bytes;
    int code = SSE_OK;

    sse_buffer_init(&bytes, max);
    code = sse_encode_event(&bytes, event, field);
    if (!code) {
        *out = sse_frame_new(sse_buffer_slice(&bytes));
        code = *out ? SSE_OK : SSE_ENOMEM;
    }
    sse_buffer_free(&bytes);
    return code;
}

void sse_frame_drop_deflated(sse_frame *f)
{
    if (!f->deflated)
        return;
    sse_frame_unref(f->deflated->standalone);
    sse_frame_unref(f->deflated->linked);
    free(f->deflated);
    f->deflated = NULL;
}

void sse_frame_unref(sse_frame *f)
{
    if (!f || --f->refs > 0)
        return;
    sse_frame_drop_deflated(f);
    free(f);
}
