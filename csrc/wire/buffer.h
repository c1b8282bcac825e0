/* buffer.h: bytes in memory that grows up to a maximum. */
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

/* Makes an empty buffer that owns no memory. */
void sse_buffer_init(sse_buffer *b, size_t max);

/* Frees the memory. The buffer is empty then and can be used again. */
void sse_buffer_free(sse_buffer *b);

/* Makes room for `more` bytes behind len. SSE_ETOOBIG past max, SSE_ENOMEM: nothing has changed. */
int sse_buffer_reserve(sse_buffer *b, size_t more);

/* Appends all the bytes, or none and returns a code as reserve does. `bytes` may not point into the
 * buffer. */
int sse_buffer_append(sse_buffer *b, const char *bytes, size_t len);

/* Drops the first n bytes (n <= len). */
void sse_buffer_consume(sse_buffer *b, size_t n);

/* Shrinks the memory to len if more than `keep` bytes are allocated and at most an eighth of them
 * is used. If realloc fails, the memory stays as it is. */
void sse_buffer_trim(sse_buffer *b, size_t keep);

/* Returns the bytes held. Of an empty buffer the slice is empty, not absent. */
static inline sse_slice sse_buffer_slice(const sse_buffer *b)
{
    return (sse_slice){ b->len ? b->data : "", b->len };
}

#endif
