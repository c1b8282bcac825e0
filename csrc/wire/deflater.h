/* deflater.h: plain bytes -> deflated blocks (RFC 1951) that end at a byte and are never the last,
 * so that a body is made of any number of them. Over zlib. */
#ifndef SSE_WIRE_DEFLATER_H
#define SSE_WIRE_DEFLATER_H

#include "frame.h"

typedef struct sse_deflater sse_deflater;

/* One for blocks that others share (about 70 KiB while it lives), or one with a window of its own
 * (SSE_WINDOW_BYTES) for a single body. NULL: out of memory. */
sse_deflater *sse_deflater_new(bool window);
void sse_deflater_free(sse_deflater *d); /* NULL is allowed */

#define SSE_WINDOW_BYTES ((size_t)18 << 10)

/* What a deflated deflated copy may refer to: that many plain bytes before its own. */
#define SSE_REACH 2048

/* Sees to it that f->deflated copy is there, with its check values and with the block that stands
 * alone or, where dictionary.at is given, the one that refers to those bytes, SSE_REACH at most,
 * right before its own. SSE_ENOMEM, SSE_ETOOBIG (over 1 GiB); what is there already stays. For a
 * deflater without a window. */
int sse_deflater_deflate(sse_deflater *d, sse_frame *f, sse_slice dictionary);

/* The next piece of the body whose window it is, in a frame of its own. SSE_ENOMEM, SSE_ETOOBIG:
 * the body can't go on. */
int sse_deflater_next(sse_deflater *d, sse_slice plain, sse_frame **out);

/* No block of that many plain bytes is larger. */
static inline size_t sse_deflater_most(size_t plain)
{
    return plain + plain / 8 + plain / 64 + 64;
}

#endif
