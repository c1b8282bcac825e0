/* slice.h: a view of bytes that something else owns. A slice whose `at` is NULL is absent, which
 * differs from empty. */
#ifndef SSE_WIRE_SLICE_H
#define SSE_WIRE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct sse_slice {
    const char *at;
    size_t len;
} sse_slice;

#define SSE_SLICE(literal) ((sse_slice){ (literal), sizeof(literal) - 1 })

static inline sse_slice sse_slice_text(const char *text)
{
    return (sse_slice){ text, strlen(text) };
}

static inline bool sse_slice_is(sse_slice s, const char *text)
{
    size_t len = strlen(text);
    return s.len == len && (len == 0 || memcmp(s.at, text, len) == 0);
}

static inline char sse_ascii_lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return c;
}

/* Compares names of HTTP: without regard to the case of ASCII letters, whatever the locale. */
static inline bool sse_slice_same_name(sse_slice a, sse_slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (sse_ascii_lower(a.at[i]) != sse_ascii_lower(b.at[i]))
            return false;
    return true;
}

static inline bool sse_slice_is_name(sse_slice s, const char *name)
{
    return sse_slice_same_name(s, (sse_slice){ name, strlen(name) });
}

static inline bool sse_slice_equal(sse_slice a, sse_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

/* Returns the slice without the blanks (space and tab, RFC 9110 5.6.3: OWS) around it. */
static inline sse_slice sse_slice_trim(sse_slice s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t'))
        s.at++, s.len--;
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
        s.len--;
    return s;
}

#endif
