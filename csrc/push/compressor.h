/* compressor.h: between a stream and its exchange: frames as deflated blocks, with a head before
 * the first and a trailer at a clean end. A block is made once for all who get the frame; a stream
 * keeps a check value and two counts, unless it has a window of its own. Whatever the transport, it
 * gets frames. */
#ifndef SSE_PUSH_COMPRESSOR_H
#define SSE_PUSH_COMPRESSOR_H

#include "../http/exchange.h"
#include "../wire/coding.h"
#include "../wire/deflater.h"

#define SSE_MAX_WINDOWS 1024 /* of a server; streams past them get shared blocks */

typedef struct sse_packer {
    sse_sum sum;
    uint32_t run;         /* plain bytes of the log sent last, one event after the other */
    uint8_t coding;       /* sse_coding */
    sse_deflater *window; /* or NULL: shared blocks */
} sse_packer;

/* What a log holds right before a frame: copies the last of it, `max` bytes at most, to `out`;
 * returns how many. */
typedef struct sse_past {
    size_t (*copy)(const struct sse_past *past, char *out, size_t max);
    const void *log;
    uint64_t before;
} sse_past;

/* Sends the head of the coded body. A window that can't be had is done without. The exchange was
 * started. SSE_ENOMEM, SSE_ECLOSED. */
int sse_packer_start(sse_packer *p, sse_exchange *x, sse_coding coding, bool window);
void sse_packer_stop(sse_packer *p, sse_pool *pool);

/* As sse_exchange_send. What counts against max is what is held for the client, the deflated bytes,
 * but a frame whose plain bytes fit is never too big. A failure that a body with a window can't
 * survive aborts the exchange. */
int sse_packer_send(sse_packer *p, sse_exchange *x, sse_frame *frame, size_t max);

/* As sse_exchange_push. `past`: the frame follows in a log on what the stream got last from that
 * log, if that was the last it got; NULL: it is no log's. */
int sse_packer_push(sse_packer *p, sse_exchange *x, sse_frame *frame, const sse_past *past);

/* The end of the body, after `frame` (NULL: none), in one frame; NULL: out of memory. */
sse_frame *sse_packer_end(sse_packer *p, sse_exchange *x, sse_frame *frame);

#endif
