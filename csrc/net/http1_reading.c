#include "http1_reading.h"

#include <stdlib.h>

sse_http1_reading *sse_http1_reading_new(const sse_pool *pool)
{
    sse_http1_reading *r = calloc(1, sizeof *r);

    if (r)
        sse_buffer_init(&r->in,
                        pool->limits.max_head + sizeof pool->scratch + SSE_HTTP1_MAX_WAITING);
    return r;
}

void sse_http1_reading_free(sse_http1_reading *r)
{
    if (!r)
        return;
    sse_request_unref(r->request);
    sse_buffer_free(&r->in);
    free(r);
}

int sse_http1_reading_take(sse_http1_reading *r, const char *bytes, size_t len, size_t *used,
                           sse_http1_refusal *refusal)
{
    size_t taken = 0;

    *used = 0;
    while (!r->body.done && *used < len) {
        sse_slice data = { NULL, 0 };
        int code =
            sse_http1_body_feed(&r->body, bytes + *used, len - *used, &taken, &data, refusal);

        if (!code && data.len)
            code = sse_buffer_append(&r->request->body, data.at, data.len) ? SSE_ENOMEM : SSE_OK;
        if (code)
            return code;
        *used += taken;
        if (taken == 0)
            break;
    }
    return r->body.done ? SSE_OK : SSE_EAGAIN;
}
