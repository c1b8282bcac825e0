#include "frame.h"

#include <stdio.h>
#include <stdlib.h>

#include "error.h"

#define CHUNK_HEAD 20 /* 16 hexadecimal digits, CR LF, NUL */

static sse_frame *frame_new(sse_slice payload, const char *head, size_t head_len)
{
    size_t around = sizeof(sse_frame) + head_len + 2;
    sse_frame *f = payload.len > SIZE_MAX - around ? NULL : malloc(around + payload.len);

    if (!f)
        return NULL;
    f->refs = 1;
    f->head = (uint32_t)head_len;
    f->payload = payload.len;
    memcpy(f->bytes, head, head_len);
    if (payload.len > 0 && payload.at)
        memcpy(f->bytes + head_len, payload.at, payload.len);
    if (head_len > 0)
        memcpy(f->bytes + head_len + payload.len, "\r\n", 2);
    return f;
}

sse_frame *sse_frame_new(sse_slice payload)
{
    char head[CHUNK_HEAD];
    int len = 0;

    if (payload.len == 0)
        return NULL;
    len = snprintf(head, sizeof head, "%zx\r\n", payload.len);
    return frame_new(payload, head, (size_t)len);
}

sse_frame *sse_frame_raw(sse_slice bytes)
{
    return frame_new(bytes, "", 0);
}

sse_frame *sse_frame_blank(size_t len)
{
    return frame_new((sse_slice){ NULL, len }, "", 0);
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

void sse_frame_unref(sse_frame *f)
{
    if (f && --f->refs == 0)
        free(f);
}
