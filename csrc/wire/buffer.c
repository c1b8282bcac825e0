#include "buffer.h"

#include <stdlib.h>

#include "error.h"

#define FIRST_CAP 64

void sse_buffer_init(sse_buffer *b, size_t max)
{
    *b = (sse_buffer){ .max = max };
}

void sse_buffer_free(sse_buffer *b)
{
    free(b->data);
    sse_buffer_init(b, b->max);
}

int sse_buffer_reserve(sse_buffer *b, size_t more)
{
    size_t cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
    char *data = NULL;

    if (more <= b->cap - b->len)
        return SSE_OK;
    if (more > b->max - b->len)
        return SSE_ETOOBIG;
    if (cap < FIRST_CAP)
        cap = FIRST_CAP;
    if (cap < b->len + more)
        cap = b->len + more;
    if (cap > b->max)
        cap = b->max;
    data = realloc(b->data, cap);
    if (!data)
        return SSE_ENOMEM;
    b->data = data;
    b->cap = cap;
    return SSE_OK;
}

int sse_buffer_append(sse_buffer *b, const char *bytes, size_t len)
{
    int code = sse_buffer_reserve(b, len);

    if (code)
        return code;
    if (len > 0)
        memcpy(b->data + b->len, bytes, len);
    b->len += len;
    return SSE_OK;
}

void sse_buffer_consume(sse_buffer *b, size_t n)
{
    b->len -= n;
    if (n > 0 && b->len > 0)
        memmove(b->data, b->data + n, b->len);
}

void sse_buffer_trim(sse_buffer *b, size_t keep)
{
    char *data = NULL;

    if (b->cap <= keep || b->len > b->cap / 8)
        return;
    if (b->len == 0) {
        sse_buffer_free(b);
        return;
    }
    data = realloc(b->data, b->len);
    if (!data)
        return;
    b->data = data;
    b->cap = b->len;
}
