/* slice.h: bytes that somebody else owns. `at` NULL means absent, which differs from empty. */
#ifndef SSE_WIRE_SLICE_H
#define SSE_WIRE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct sse_slice {
    const char *at;
    size_t len;
} sse_slice;

#define SSE_SLICE(literal) ((sse_slice){ (literal), sizeof(literal) - 1 })

static inline bool sse_slice_is(sse_slice s, const char *text)
{
    size_t len = strlen(text);
    return s.len == len && memcmp(s.at, text, len) == 0;
}

#endif
