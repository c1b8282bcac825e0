/* stream_object.h: the object of the stream class, for the files of this folder that hold it and
 * look for it. */
#ifndef SSE_BIND_STREAM_OBJECT_H
#define SSE_BIND_STREAM_OBJECT_H

#include "../push/stream.h"
#include "class.h"

typedef struct stream_object {
    sse_state *st;
    sse_stream *stream;      /* NULL once ended */
    int self;                /* see sse_settle_stream_object */
    unsigned reason : 4;     /* sse_reason */
    unsigned has : 6;        /* bit n: user value n is a callback or the program's own; bit 0: a
                                channel with listeners knows the object */
    unsigned drain_owed : 1; /* on_drain could not be called: see see_to_lost of stream.c */
    unsigned close_owed : 1; /* nor could on_close */
    unsigned held : 20;      /* reports of presence that are to come: see sse_hold_stream */
    sse_deferred lost;       /* calls see_to_lost of stream.c */
} stream_object;

/* User values. OWNER is the server's SSE_SERVER_OWNER. ON_WAKE is for the Lua layer, which resumes
 * tasks that wait for the stream: it is called after ON_DRAIN, and after ON_CLOSE. USER is the
 * program's own. */
enum {
    STREAM_OWNER = 1,
    STREAM_ON_CLOSE,
    STREAM_ON_DRAIN,
    STREAM_ON_WAKE,
    STREAM_USER,
    STREAM_VALUES = STREAM_USER
};

#define STREAM_KNOWN_TO_LISTENERS 1u               /* of `has` */
#define STREAM_MAX_HELD           ((1u << 20) - 1) /* the most that `held` can count */

#endif
