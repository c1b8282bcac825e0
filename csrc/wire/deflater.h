/* deflater.h: deflates plain bytes to blocks (RFC 1951) with zlib. A block ends at a byte boundary
 * and is never the final one, so that a body may consist of any number of blocks. */
#ifndef SSE_WIRE_DEFLATER_H
#define SSE_WIRE_DEFLATER_H

#include "frame.h"

typedef struct sse_deflater sse_deflater;

/* Makes a deflater for frames whose blocks many bodies share (about 70 KiB while it lives), or with
 * `window` one for a single body, whose blocks refer to those before (SSE_WINDOW_BYTES). NULL: out
 * of memory. */
sse_deflater *sse_deflater_new(bool window);
void sse_deflater_free(sse_deflater *d); /* NULL is allowed */

#define SSE_WINDOW_BYTES ((size_t)18 << 10) /* of memory */

/* Plain bytes right before a frame that its block may refer to. */
#define SSE_DICTIONARY_BYTES 2048

/* Makes f->deflated, with its check values, and in it the standalone block or, where dictionary.at
 * is not NULL, the linked one, which refers to those bytes, SSE_DICTIONARY_BYTES at most. What is
 * there already stays. For a deflater without a window. SSE_ENOMEM; SSE_ETOOBIG: over 1 GiB. */
int sse_deflater_deflate_frame(sse_deflater *d, sse_frame *f, sse_slice dictionary);

/* Deflates the next piece of the body to a frame of its own, for a deflater with a window.
 * SSE_ENOMEM, SSE_ETOOBIG: the body can't go on. */
int sse_deflater_deflate_next(sse_deflater *d, sse_slice plain, sse_frame **out);

/* The most bytes that a block of so many plain bytes takes. */
static inline size_t sse_deflater_bound(size_t plain)
{
    return plain + plain / 8 + plain / 64 + 64;
}

#endif
