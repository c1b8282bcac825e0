/* position.h: the one id of an event on a stream that follows several channels: where the stream
 * stands in each of them, "tag:epoch-position,tag:epoch-position". Opaque to clients, which send it
 * back. The tag is made of the channel's name and a random seed of the process: a channel whose
 * log was lost is told from one that was not followed before, and nobody can choose a name whose
 * tag is another channel's. */
#ifndef SSE_WIRE_POSITION_H
#define SSE_WIRE_POSITION_H

#include "buffer.h"
#include "log.h"

#define SSE_MAX_TAG 8 /* characters of a tag and a NUL */

/* The tag of a channel's name. */
void sse_position_tag(const sse_hash_seed *seed, sse_slice name, char tag[SSE_MAX_TAG]);

/* Appends one channel's part, and a comma before it where it is not the first. SSE_ENOMEM,
 * SSE_ETOOBIG. */
int sse_position_append(sse_buffer *out, const char *tag, const sse_log *log, uint64_t position,
                        bool first);

/* Whether an id has this form. */
bool sse_position_is(sse_slice id);

/* The part of an id of this form that has the tag, without the tag; at NULL: none has. */
sse_slice sse_position_part(sse_slice id, const char *tag);

#endif
