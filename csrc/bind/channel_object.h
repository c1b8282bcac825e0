/* channel_object.h: the object of the channel class, for the files of this folder that call a
 * channel's filters and tell its numbers. */
#ifndef SSE_BIND_CHANNEL_OBJECT_H
#define SSE_BIND_CHANNEL_OBJECT_H

#include "../push/channel_types.h"
#include "../wire/direct.h"
#include "../wire/parser.h"
#include "class.h"

/* Publishes to a store that takes them in C: see direct.c. */
typedef struct channel_publishes {
    sse_direct_log *log; /* in the table of user value STORE; NULL: the store takes none */
    size_t count;        /* under way */
    int self;            /* anchored while a publish is */
    sse_deferred wake;   /* has the store write what was published in this turn */
    const char *call;    /* the name of the function that is called next */
} channel_publishes;

typedef struct channel_object {
    sse_state *st;
    sse_channel *channel;    /* NULL once collected */
    int self;                /* anchored while the channel is kept: see keep in channel.c */
    sse_deferred unfollowed; /* sees to that once the last follower has left */
    sse_deferred counted;    /* calls the function of user value ON_COUNT */
    bool counts;             /* there is one */
    sse_timer idling;        /* fires when the channel may have been idle for long enough */
    uint64_t idle;           /* ms that it is kept after it was used last */
    uint64_t used;       /* ms of the loop's clock: when it was made, published to or followed */
    uint64_t metas_from; /* no event before this position has its `meta` in user value METAS */
    sse_parser *parser;  /* reads events back for filters. NULL before the first filter, and while a
                            call of a filter uses it */
    uint64_t position;   /* the position of the event in user value EVENT; 0: none */
    size_t charged;
    channel_publishes publishes;
    uint64_t newest; /* with a window: the position whose id is in user value LAST_ID; 0: none */
} channel_object;

/* User values. EVENT is the table that filters are called with; ID, TYPE and DATA are its fields'
 * values, since a filter may have written to the table. RECEIVED_ID is the id of the MessageEvent
 * that was published last. STORE is the table of the functions of lua/sse/store/window.lua for a
 * channel whose log is kept in a store. */
enum {
    CHANNEL_ON_PRESENCE = 1,
    CHANNEL_EVENT,
    CHANNEL_ID,
    CHANNEL_TYPE,
    CHANNEL_DATA,
    CHANNEL_ON_ERROR,
    CHANNEL_RECEIVED_ID,
    CHANNEL_METAS, /* position -> `meta` of the event; nil before the first */
    CHANNEL_STORE,
    CHANNEL_LAST_ID,
    CHANNEL_ON_COUNT,
    CHANNEL_VALUES = CHANNEL_ON_COUNT
};

/* Prepares what follows, in a new object. */
void sse_channel_keep_init(channel_object *o);

/* Keeps the object at index from being collected while the channel has followers, and then until it
 * has been idle for long enough. */
void sse_channel_keep(lua_State *L, int index, channel_object *o);

/* For the channel: its last follower has left. */
void sse_channel_on_empty(void *user);

/* For the channel: its number of followers has changed. */
void sse_channel_on_count(void *user);

/* Keeps the `meta` on top of the stack, which stays there, with the event at `position` of the
 * channel whose object is at 1. */
void sse_channel_set_meta(lua_State *L, uint64_t position);

/* The log of the channel whose object is at 1 has one event more: the object is kept, and the
 * collector told of the memory. has_meta: the event's `meta` is on top of the stack, and stays. */
void sse_channel_has_grown(lua_State *L, bool has_meta);

#endif
