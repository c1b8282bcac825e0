/* utf8.h: is it UTF-8, and what to do where it is not (Encoding Standard, section 4.6 and 8.1). */
#ifndef SSE_WIRE_UTF8_H
#define SSE_WIRE_UTF8_H

#include "buffer.h"

/* Bytes of s before the first broken sequence; s.len where there is none. */
size_t sse_utf8_valid(sse_slice s);

/* The first max bytes of s, or fewer, so that they don't end within a character. */
static inline sse_slice sse_utf8_cut(sse_slice s, size_t max)
{
    size_t len = max, least = max > 3 ? max - 3 : 0;

    if (s.len <= max)
        return s;
    while (len > least && ((unsigned char)s.at[len] & 0xC0) == 0x80)
        len--;
    return (sse_slice){ s.at, len };
}

/* Appends s to out, each maximal subpart of a broken sequence as one U+FFFD, so never fewer bytes
 * than s has. All or nothing: SSE_ETOOBIG, SSE_ENOMEM. `s` may not point into out. */
int sse_utf8_replace(sse_buffer *out, sse_slice s);

#endif
