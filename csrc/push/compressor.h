/* compressor.h: sends the frames of a compressed stream as deflated blocks, with the coding's head
 * before the first block and its trailer at a clean end. A block is deflated once and shared by all
 * streams that send the frame: such a stream keeps only a check value and two counts. A stream with
 * a window has a deflater of its own instead. */
#ifndef SSE_PUSH_COMPRESSOR_H
#define SSE_PUSH_COMPRESSOR_H

#include "../http/exchange.h"
#include "../wire/coding.h"
#include "../wire/deflater.h"
#include "../wire/log.h"

#define SSE_MAX_WINDOWS 1024 /* of a server; further streams are sent shared blocks */

typedef struct sse_compressor {
    sse_sum sum;               /* check value and length of the plain bytes sent, for the trailer */
    uint32_t dictionary_bytes; /* how many of the plain bytes sent last are consecutive bytes of a
                                  channel's log; SSE_DICTIONARY_BYTES at most */
    uint8_t coding;            /* sse_coding */
    sse_deflater *window;      /* the stream's own deflater; NULL: it is sent shared blocks */
} sse_compressor;

/* A place in a log. A block may refer to the bytes right before that place. */
typedef struct sse_dictionary {
    const sse_log *log;
    uint64_t before; /* the position of the frame's first event */
} sse_dictionary;

/* Sends the coding's head on an exchange that has been started. `window`: a deflater of the
 * stream's own is wanted; shared blocks are sent where there are too many, or no memory.
 * SSE_ENOMEM, SSE_ECLOSED. */
int sse_compressor_start(sse_compressor *p, sse_exchange *x, sse_coding coding, bool window);

/* Frees the window. The stream has ended. */
void sse_compressor_stop(sse_compressor *p, sse_context *context);

/* Sends a frame as sse_exchange_send does. max bounds the deflated bytes that wait; a frame whose
 * plain bytes are within max is never SSE_ETOOBIG. Where a failure leaves the window ahead of what
 * was sent, the exchange is aborted. */
int sse_compressor_send(sse_compressor *p, sse_exchange *x, sse_frame *frame, size_t max);

/* Sends a frame as sse_exchange_push does. dictionary: where in its log the frame begins; of that
 * log, the stream was sent the events right before it last. NULL: the frame is not of a log. */
int sse_compressor_push(sse_compressor *p, sse_exchange *x, sse_frame *frame,
                        const sse_dictionary *dictionary);

/* Makes the end of the body in one frame, which the caller owns: `frame` (NULL: none) deflated, the
 * last block and the trailer. NULL: out of memory. */
sse_frame *sse_compressor_end(sse_compressor *p, sse_exchange *x, sse_frame *frame);

#endif
