/* position.h: the id of an event on a stream that follows several channels. It says where the
 * stream stands in each of them: "tag:epoch-position,tag:epoch-position". Clients send it back as
 * it is. A tag is a hash of a channel's name, the same in all processes, since those of a channel
 * with a store get each other's ids, and ids of before a restart. Two names may have the same tag:
 * the epoch then says that the part is not the channel's, and the client gets a gap event. By the
 * tag, a channel whose log was lost is told from one that the client did not follow before. */
#ifndef SSE_WIRE_POSITION_H
#define SSE_WIRE_POSITION_H

#include "buffer.h"
#include "log.h"

#define SSE_MAX_TAG 8 /* characters of a tag and a NUL */

/* Writes the tag of a channel's name, and a NUL. */
void sse_position_tag(sse_slice name, char tag[SSE_MAX_TAG]);

/* Appends one channel's part, "tag:epoch-position". Parts are separated by commas. SSE_ENOMEM,
 * SSE_ETOOBIG. */
int sse_position_append(sse_buffer *out, const char *tag, const sse_log *log, uint64_t position);

/* Whether an id has the form of one or several such parts. */
bool sse_position_is(sse_slice id);

/* Finds the part with the tag in an id of that form; returns its "epoch-position", or an absent
 * slice (at NULL) where no part has the tag. *at: 0 at first, then where the next part is looked
 * for before all others, so that many parts are found in order by one pass. */
sse_slice sse_position_part(sse_slice id, const char *tag, size_t *at);

#endif
