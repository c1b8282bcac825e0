/* direct.h: how a log of a store that is written in C takes a channel's appends without Lua between
 * the two. The store's module and the core are libraries of their own: this header is all that they
 * share.
 *
 * A log offers it by a field `direct`, a userdata that begins with an sse_direct_log and whose
 * metatable is registered as SSE_DIRECT_CLASS. Such a log tells of news before it tells of the
 * result of the append that made them, and keeps the order of all appends, these and log:append's.
 */
#ifndef SSE_WIRE_DIRECT_H
#define SSE_WIRE_DIRECT_H

#include "slice.h"

struct lua_State;

#define SSE_DIRECT_CLASS "sse.direct_log/1" /* another number: another struct */

/* The texts of an event, absent where there is none: docs/stores.md, "record". */
enum {
    SSE_DIRECT_EVENT,
    SSE_DIRECT_ID,
    SSE_DIRECT_KEY,
    SSE_DIRECT_DEDUPE,
    SSE_DIRECT_META,
    SSE_DIRECT_TEXTS
};

/* An append without a result. The first member of what the channel keeps of it. */
typedef struct sse_direct_wait {
    struct sse_direct_wait *next, **link;
} sse_direct_wait;

typedef struct sse_direct_result {
    const char *code, *message; /* code NULL: the log has the event */
    int64_t position;
    const char *epoch;
    bool held;         /* nothing was added: the event at `position` has the same dedupe */
    sse_slice held_id; /* that event's own id; absent: it has none */
} sse_direct_result;

typedef struct sse_direct_log {
    /* Of the store. append copies the texts and returns true, and done is called with `wait`
     * later, from the loop; or it returns false, *failure says why, and done is not called. */
    bool (*append)(struct sse_direct_log *log, const sse_slice texts[SSE_DIRECT_TEXTS],
                   sse_direct_wait *wait, sse_direct_result *failure);
    /* What has been appended in this turn of the loop is to be written: once for all of it. NULL:
     * the log has a method `wake` in Lua. */
    void (*wake)(struct sse_direct_log *log);

    /* Of the channel. Runs tasks, and may raise. *wait becomes NULL once the result is taken; where
     * it raises before that, for want of memory, it is to be called again. */
    void (*done)(struct lua_State *L, sse_direct_wait **wait, const sse_direct_result *result);
    sse_direct_wait *waiting; /* those that wait, newest first */
} sse_direct_log;

#endif
