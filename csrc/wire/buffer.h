/* buffer.h: growing bytes with a maximum given at birth. */
#ifndef SSE_WIRE_BUFFER_H
#define SSE_WIRE_BUFFER_H

#include <stddef.h>

#include "slice.h"

typedef struct sse_buffer {
    char *data; /* NULL while cap is 0 */
    size_t len; /* bytes held */
    size_t cap; /* bytes allocated */
    size_t max; /* len never exceeds this */
} sse_buffer;

/* An empty buffer that owns no memory. */
void sse_buffer_init(sse_buffer *b, size_t max);

/* Gives the memory back; the buffer is empty and usable again. */
void sse_buffer_free(sse_buffer *b);

/* Makes room for `more` bytes after len. SSE_ETOOBIG past max, SSE_ENOMEM; nothing changes then. */
int sse_buffer_reserve(sse_buffer *b, size_t more);

/* Appends all of it or nothing. `bytes` may not point into the buffer. */
int sse_buffer_append(sse_buffer *b, const char *bytes, size_t len);

/* Drops the first n (<= len) bytes. */
void sse_buffer_consume(sse_buffer *b, size_t n);

/* Gives capacity back where more than `keep` bytes are allocated and at most an eighth of them is
 * used. Never fails: where memory can't be moved it stays. */
void sse_buffer_trim(sse_buffer *b, size_t keep);

/* What it holds; empty, not absent, where that is nothing. */
static inline sse_slice sse_buffer_slice(const sse_buffer *b)
{
    return (sse_slice){ b->len ? b->data : "", b->len };
}

#endif
