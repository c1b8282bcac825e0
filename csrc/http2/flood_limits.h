/* flood_limits.h: what a client may send that costs much and carries nothing (RFC 9113 section
 * 10.5). Past a limit the connection ends. */
#ifndef SSE_HTTP2_FLOOD_LIMITS_H
#define SSE_HTTP2_FLOOD_LIMITS_H

#include <nghttp2/nghttp2.h>

#include "../http/connection.h"

/* How much of something came lately: it leaks `rate` a second. */
typedef struct sse_http2_bucket {
    uint64_t at; /* ms */
    uint32_t level;
} sse_http2_bucket;

typedef struct sse_http2_flood_limits {
    sse_http2_bucket resets, control_frames; /* streams reset; frames that carry nothing */
    size_t block_bytes;                      /* bytes of the header block at hand, as sent */
    uint32_t block_frames;
    uint64_t *exceeded; /* of context->count: what was found, or NULL */
} sse_http2_flood_limits;

/* Counts a frame whose head has come. false: it is one too many. */
bool sse_http2_flood_count_frame(sse_http2_flood_limits *l, sse_context *context,
                                 const nghttp2_frame_hd *head);

/* Counts a stream that was reset. false: it is one too many. */
bool sse_http2_flood_count_reset(sse_http2_flood_limits *l, sse_context *context);

/* A DATA frame was sent: the client may answer it. */
void sse_http2_flood_allow_replies(sse_http2_flood_limits *l);

/* Bytes of header fields past which a block is without measure. */
static inline size_t sse_http2_max_field_bytes(const sse_limits *limits)
{
    return 4 * limits->max_head + (64u << 10);
}

#endif
