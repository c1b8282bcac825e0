/* channel_object.h: the object of the channel class, for the files of this folder that call a
 * channel's filters and tell its numbers. */
#ifndef SSE_BIND_CHANNEL_OBJECT_H
#define SSE_BIND_CHANNEL_OBJECT_H

#include "../push/channel_types.h"
#include "../wire/parser.h"
#include "class.h"

typedef struct channel_object {
    sse_state *st;
    sse_channel *channel;    /* NULL once collected */
    int self;                /* anchored while the channel is kept: see keep in channel.c */
    sse_deferred unfollowed; /* sees to that once the last follower has left */
    sse_timer idling;        /* fires when the channel may have been idle for long enough */
    uint64_t idle;           /* ms that it is kept after it was used last */
    uint64_t used;       /* ms of the loop's clock: when it was made, published to or followed */
    uint64_t metas_from; /* no event before this position has its `meta` in user value METAS */
    sse_parser *parser;  /* reads events back for filters. NULL before the first filter, and while a
                            call of a filter uses it */
    uint64_t position;   /* the position of the event in user value EVENT; 0: none */
    size_t charged;
} channel_object;

/* User values. EVENT is the table that filters are called with; ID, TYPE and DATA are its fields'
 * values, since a filter may have written to the table. RECEIVED_ID is the id of the MessageEvent
 * that was published last. */
enum {
    CHANNEL_ON_PRESENCE = 1,
    CHANNEL_EVENT,
    CHANNEL_ID,
    CHANNEL_TYPE,
    CHANNEL_DATA,
    CHANNEL_ON_ERROR,
    CHANNEL_RECEIVED_ID,
    CHANNEL_METAS, /* position -> `meta` of the event; nil before the first */
    CHANNEL_VALUES = CHANNEL_METAS
};

#endif
