/* resume.h: what the last event id that a client sends says about one channel. */
#ifndef SSE_PUSH_RESUME_H
#define SSE_PUSH_RESUME_H

#include "channel_types.h"

/* Bytes of the longest id that is looked at. The ids of streams are shorter: one of 64 channels
 * takes 2.5 KiB. */
#define SSE_MAX_LAST_ID 4096

typedef enum sse_resume_form {
    SSE_RESUME_NO_ID,   /* the client sent no id */
    SSE_RESUME_NO_PART, /* an id with a part for each of several channels, but none for this one */
    SSE_RESUME_PART,    /* an id with a part for this channel */
    SSE_RESUME_SINGLE,  /* any other id: one of a channel alone, or unknown */
} sse_resume_form;

typedef struct sse_resume {
    sse_resume_form form;
    sse_log_place place; /* of the id, or of this channel's part, in the channel's log */
    uint64_t next;       /* position of the event after the id. SSE_LOG_UNKNOWN, SSE_LOG_EXPIRED:
                            the oldest event held; SSE_LOG_FUTURE: the head */
} sse_resume;

/* A last event id, and what is known of it. */
typedef struct sse_last_id {
    sse_slice text;
    bool has_parts; /* it has the form of an id of several channels */
    size_t at;      /* for sse_position_part */
} sse_last_id;

/* Looks at an id that a client or the program sent; it may be absent or empty. */
sse_last_id sse_last_id_read(sse_slice text);

/* What the store of a channel with a window says, where the window can't tell. */
typedef struct sse_view {
    uint64_t first, next;    /* of the store's history */
    uint64_t oldest, newest; /* `first` and `next` when the follower came: what was published since
                                then is after it, also if the store has dropped it */
    uint64_t last, after; /* the positions of the events whose publisher gave them the client's last
                             event id, and the program's `after`, as their ids; 0: there is none */
} sse_view;

/* Locates the id in the channel's log, or in its store's by the view, unless that is NULL. own: the
 * position of the event that has the id as its own, by the view. */
sse_resume sse_resume_locate(const sse_channel *c, sse_last_id *id, const sse_view *view,
                             uint64_t own);

/* Whether this channel gave the id, or part of it. */
bool sse_resume_is_known(const sse_resume *r);

#endif
