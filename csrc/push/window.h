/* window.h: a channel whose log is kept in a store. What the channel holds is a window: the newest
 * events of that log, at the store's positions. The channel's owner appends each event that the
 * store tells of, and reads pages of older ones when on_page_wanted asks for them. */
#ifndef SSE_PUSH_WINDOW_H
#define SSE_PUSH_WINDOW_H

#include "channel_types.h"

#define SSE_WINDOW_EVENTS 1000 /* a window has no more, whatever the store has */
#define SSE_PAGE_EVENTS   256  /* that a page is to have at most */

/* One event of the store's log. */
typedef struct sse_record {
    sse_slice event;  /* encoded, without its id line */
    sse_slice id;     /* the publisher's; absent: the log gives one */
    sse_slice key;    /* or absent */
    sse_slice dedupe; /* or absent */
    uint64_t age;     /* microseconds since it was published */
} sse_record;

/* Makes the new channel one whose log is a store's: publishing is the owner's. SSE_ENOMEM. */
int sse_window_open(sse_channel *c);

/* Begins the window anew at `position` of the log of that epoch, whose history begins at `first`.
 * `lost`: the followers' positions are not of this log, so they are sent a gap event and go on with
 * `first`; else those that the window no longer reaches are sent pages. SSE_EBUSY: called from a
 * filter of this channel. */
int sse_window_restart(sse_channel *c, const char *epoch, uint64_t position, uint64_t first,
                       bool lost);

/* Appends the event at the window's head. SSE_EBUSY as above; SSE_EINVAL: an id that can't be sent;
 * SSE_ENOMEM. */
int sse_window_append(sse_channel *c, const sse_record *record);

/* Begins the page that on_page_wanted asked for; its first event, or where it has none the oldest
 * of the store's history, is at `position`. *out: append to it. SSE_EBUSY as above. NULL for *out:
 * nobody has asked. */
int sse_window_begin_page(sse_channel *c, uint64_t position, sse_page **out);

/* Appends the event at the page's end. SSE_EINVAL, SSE_ENOMEM. */
int sse_window_append_page(sse_channel *c, sse_page *page, const sse_record *record);

/* The page is complete, or could not be read: the followers are looked after. */
void sse_window_end_page(sse_channel *c);

/* For a channel that is freed. */
void sse_window_free(sse_channel *c);

#endif
