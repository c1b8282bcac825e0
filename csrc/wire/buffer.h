/* buffer.h: growing bytes with a maximum given at birth. */
#ifndef SSE_WIRE_BUFFER_H
#define SSE_WIRE_BUFFER_H

#include <stddef.h>

#include "slice.h"

typedef struct sse_buffer {
    char *data;  /* NULL while nothing was ever stored */
    size_t len;  /* bytes held */
    size_t cap;  /* bytes allocated */
    size_t max;  /* len never exceeds this */
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

#endif
