#include "reader.h"

#include <stdlib.h>

#include "../wire/http1_body.h"

sse_http1_reader *sse_http1_reader_new(sse_context *context)
{
    sse_http1_reader *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->context = context;
    sse_buffer_init(&r->in, context->limits.max_head_size + sizeof context->scratch +
                                SSE_HTTP1_MAX_PIPELINED);
    return r;
}

void sse_http1_reader_free(sse_http1_reader *r)
{
    if (!r)
        return;
    sse_incoming_body_end(&r->incoming);
    sse_request_unref(r->request);
    r->context->count.bodies -= r->in.cap;
    sse_buffer_free(&r->in);
    free(r);
}

int sse_http1_reader_buffer(sse_http1_reader *r, sse_slice bytes)
{
    size_t before = r->in.cap;
    int code = sse_buffer_append(&r->in, bytes.at, bytes.len);

    r->context->count.bodies += r->in.cap - before;
    return code;
}

/* Appends to the request's body. SSE_EFULL, *refusal set: max_bodies is exceeded. SSE_ENOMEM. */
static int append(sse_http1_reader *r, sse_slice data, sse_http1_refusal *refusal)
{
    int code = sse_incoming_body_append(r->context, &r->incoming, r->request, data);

    if (code == SSE_EFULL)
        *refusal = (sse_http1_refusal){ 503, SSE_BODIES_FULL };
    else if (code)
        code = SSE_ENOMEM;
    return code;
}

int sse_http1_reader_take_body(sse_http1_reader *r, const char *bytes, size_t len, size_t *used,
                               sse_http1_refusal *refusal)
{
    size_t taken = 0;

    *used = 0;
    while (!r->body.done && *used < len) {
        sse_slice data = { NULL, 0 };
        int code =
            sse_http1_body_feed(&r->body, bytes + *used, len - *used, &taken, &data, refusal);

        if (!code && data.len)
            code = append(r, data, refusal);
        if (code)
            return code;
        *used += taken;
        if (taken == 0)
            break;
    }
    if (!r->body.done)
        return SSE_EAGAIN;
    sse_incoming_body_end(&r->incoming);
    return SSE_OK;
}
