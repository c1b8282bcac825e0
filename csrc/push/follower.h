/* follower.h: streams that follow channels: what of them, and until when. */
#ifndef SSE_PUSH_FOLLOWER_H
#define SSE_PUSH_FOLLOWER_H

#include "channel.h"

/* Which events a follower gets; owned by whoever made it until it is given to one. */
typedef struct sse_filter {
    /* Whether the event at position is wanted: 0 or 1, or less: that can't be told, and the stream
     * is ended. May do anything but publish to the channel or close it. */
    int (*wants)(struct sse_filter *filter, const sse_channel *c, uint64_t position);
    void (*release)(struct sse_filter *filter); /* may call nobody */
    size_t refs;
} sse_filter;

/* The stream follows the channel no more; false: it did not. */
bool sse_stream_unfollow(sse_stream *s, sse_channel *c);

/* --- for follow.c */

extern const sse_follower_calls sse_follower_service;

/* The server context tells followers when streams are ready or have ended. */
void sse_follower_serve_context(sse_context *context);

/* The stream's follower of that channel, or NULL. */
sse_follower *sse_follower_find(const sse_stream *s, const sse_channel *c);

/* Frees a follower that is in no list. */
void sse_follower_give_back(sse_context *context, sse_follower *f);

/* Tells the client that events after last_id are missing. A gap that can't be told ends the stream,
 * since it must not go unnoticed. The gap event names the channel where `named` and the stream
 * follows several. */
void sse_follower_tell_gap(sse_follower *f, sse_gap gap, sse_slice last_id, bool named);

#endif
