/* utf8.h: finds and replaces broken UTF-8 (Encoding Standard, sections 4.6 and 8.1). */
#ifndef SSE_WIRE_UTF8_H
#define SSE_WIRE_UTF8_H

#include "buffer.h"

/* Returns the number of bytes before the first broken sequence; s.len if there is none. */
size_t sse_utf8_valid(sse_slice s);

/* Returns the length of the maximal subpart of the broken sequence with which s begins: one U+FFFD
 * stands for these bytes. */
size_t sse_utf8_broken(sse_slice s);

/* Returns the first `max` bytes of s, or up to three fewer so that they don't end within a
 * character. */
static inline sse_slice sse_utf8_cut(sse_slice s, size_t max)
{
    size_t len = max, least = max > 3 ? max - 3 : 0;

    if (s.len <= max)
        return s;
    while (len > least && ((unsigned char)s.at[len] & 0xC0) == 0x80)
        len--;
    return (sse_slice){ s.at, len };
}

/* Appends s to out, with one U+FFFD in place of each maximal subpart of a broken sequence. Appends
 * no fewer bytes than s has; or none, and returns SSE_ETOOBIG or SSE_ENOMEM. `s` may not point into
 * out. */
int sse_utf8_replace(sse_buffer *out, sse_slice s);

#endif
