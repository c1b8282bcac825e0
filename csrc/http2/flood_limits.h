/* flood_limits.h: limits on what costs the server much and the client little (RFC 9113 section
 * 10.5). The connection of a client that exceeds one ends with ENHANCE_YOUR_CALM. */
#ifndef SSE_HTTP2_FLOOD_LIMITS_H
#define SSE_HTTP2_FLOOD_LIMITS_H

#include <nghttp2/nghttp2.h>

#include "../http/connection.h"

/* A leaky bucket: how much of something came lately. */
typedef struct sse_http2_bucket {
    uint64_t at;    /* ms: when `level` was last lowered */
    uint32_t level; /* falls by the limit's rate a second */
} sse_http2_bucket;

typedef struct sse_http2_flood_limits {
    sse_http2_bucket resets;         /* streams reset by the client, or because of it */
    sse_http2_bucket control_frames; /* frames that carry nothing of a request */
    size_t block_bytes;              /* of the header block that is received, encoded */
    uint32_t block_frames;           /* HEADERS and CONTINUATION of that block */
    uint64_t *exceeded;              /* the counter of the limit that was exceeded, or NULL */
} sse_http2_flood_limits;

/* Counts a frame whose header has come. false: a limit is exceeded. */
bool sse_http2_flood_count_frame(sse_http2_flood_limits *f, sse_context *context,
                                 const nghttp2_frame_hd *head);

/* Counts a stream that was reset. false: a limit is exceeded. */
bool sse_http2_flood_count_reset(sse_http2_flood_limits *f, sse_context *context);

/* A DATA frame was sent, which the client may answer by a few control frames. */
void sse_http2_flood_allow_replies(sse_http2_flood_limits *f);

/* Bytes that a header block may have, encoded or decoded. Past max_head_size a request is rejected;
 * only past this the connection ends. */
static inline size_t sse_http2_max_field_bytes(const sse_limits *limits)
{
    return 4 * limits->max_head_size + (64u << 10);
}

#endif
