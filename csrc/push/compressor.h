/* compressor.h: between a stream and its exchange: frames as deflated blocks, with a head before
 * the first and a trailer at a clean end. A block is made once for all who get the frame; a stream
 * keeps a check value and two counts, unless it has a window of its own. Whatever the transport, it
 * gets frames. */
#ifndef SSE_PUSH_COMPRESSOR_H
#define SSE_PUSH_COMPRESSOR_H

#include "../http/exchange.h"
#include "../wire/coding.h"
#include "../wire/deflater.h"
#include "../wire/log.h"

#define SSE_MAX_WINDOWS 1024 /* of a server; streams past them get shared blocks */

typedef struct sse_compressor {
    sse_sum sum;
    uint32_t run;         /* plain bytes of the log sent last, one event after the other */
    uint8_t coding;       /* sse_coding */
    sse_deflater *window; /* or NULL: shared blocks */
} sse_compressor;

/* The bytes that a block may refer to: what a log holds right before a position. */
typedef struct sse_dictionary {
    const sse_log *log;
    uint64_t before;
} sse_dictionary;

/* Sends the head of the coded body. A window that can't be had is done without. The exchange was
 * started. SSE_ENOMEM, SSE_ECLOSED. */
int sse_compressor_start(sse_compressor *p, sse_exchange *x, sse_coding coding, bool window);
void sse_compressor_stop(sse_compressor *p, sse_context *context);

/* As sse_exchange_send. What counts against max is what is held for the client, the deflated bytes,
 * but a frame whose plain bytes fit is never too big. A failure that a body with a window can't
 * survive aborts the exchange. */
int sse_compressor_send(sse_compressor *p, sse_exchange *x, sse_frame *frame, size_t max);

/* As sse_exchange_push. `dictionary`: the frame follows in a log on what the stream got last from
 * that log, if that was the last it got; NULL: it is no log's. */
int sse_compressor_push(sse_compressor *p, sse_exchange *x, sse_frame *frame,
                        const sse_dictionary *dictionary);

/* The end of the body, after `frame` (NULL: none), in one frame; NULL: out of memory. */
sse_frame *sse_compressor_end(sse_compressor *p, sse_exchange *x, sse_frame *frame);

#endif
