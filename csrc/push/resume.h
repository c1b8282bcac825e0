/* resume.h: what the last event id that a client brings says about a channel. */
#ifndef SSE_PUSH_RESUME_H
#define SSE_PUSH_RESUME_H

#include "channel_types.h"

/* Bytes of the longest id that a channel or a stream may have given: 64 channels take 2.5 KiB. */
#define SSE_MAX_BROUGHT_ID 4096

typedef enum sse_brought {
    SSE_BROUGHT_NONE,   /* no id */
    SSE_BROUGHT_OTHERS, /* an id with a part for each of several channels, but none for this one */
    SSE_BROUGHT_PART,   /* an id with a part for this channel */
    SSE_BROUGHT_PLAIN,  /* an id of one channel */
} sse_brought;

typedef struct sse_resume {
    sse_brought brought;
    sse_log_place place;
    uint64_t next; /* the position that follows; where the place is unknown, the oldest held */
} sse_resume;

sse_resume sse_resume_locate(const sse_channel *c, sse_slice id);

/* Whether the id is one that this channel gave, or has a part of it. */
bool sse_resume_is_known(const sse_resume *r);

#endif
