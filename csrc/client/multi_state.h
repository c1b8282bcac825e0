/* multi_state.h: the state of the multi interface, for multi*.c alone. */
#ifndef SSE_CLIENT_MULTI_STATE_H
#define SSE_CLIENT_MULTI_STATE_H

#include <curl/curl.h>

#include "easy_pool.h"
#include "lane.h"
#include "multi_entry.h"
#include "shard.h"

/* us that each kind of work may take in a turn of the loop. */
#define SSE_MULTI_SHARE 2000

/* Memory is given back when that many transfers have ended, and they were half of all. */
#define SSE_MULTI_MANY 256
#define SSE_MULTI_TRIM \
    1000 /* ms after that, when connections and Lua's objects may be gone, too \
          */

/* How often each kind of work is done in a turn whatever time it takes, so that there is an end. */
#define SSE_MULTI_LEAST 4

/* What a kind of work has taken of the present turn. */
typedef struct sse_turn_share {
    uint64_t turn;  /* of the loop: the one that `spent` is about */
    uint64_t spent; /* us */
    unsigned count; /* how often */
} sse_turn_share;

struct sse_multi {
    sse_loop *loop;
    CURLSH *sessions, *cookies;
    sse_easy_pool easy_pool;
    sse_shard *shards, **last_shard; /* the oldest first */
    sse_shard *touched;              /* where libcurl has been at work and may have reports */
    sse_lanes lanes;
    sse_ready_queue ready;    /* sockets that wait to be served */
    sse_deferred ready_call;  /* serves them */
    sse_entry_queue starts;   /* entries that wait to be given to libcurl */
    sse_deferred start_call;  /* gives them */
    sse_multi_entry *entries; /* the listed ones */
    size_t entry_count;       /* their number */
    size_t most_entries;      /* its highest value since memory was given back */
    sse_timer trim_timer;     /* runs after half of them have left */
    bool trim_due;            /* it runs */
    void (*on_many_ended)(void *arg);
    void *on_many_ended_arg;
    uint64_t connect_due;     /* ms: none of theirs is before it */
    sse_multi_entry *removed; /* those to destroy when libcurl has returned and there is time */
    sse_deferred destroy_call;
    sse_fork_handler fork_handler;
    unsigned forks;        /* how often the process has become a forked child */
    sse_deferred fork_end; /* in a forked child: fails the transfers that the parent began */
    sse_turn_share served, started, destroyed;
    uint64_t requested_turn;  /* the turn of the last call of sse_multi_may_start */
    uint64_t requested_since; /* us: its first call in that turn */
    int in_curl; /* > 0: within libcurl, or from begin_callbacks to end_callbacks; nests */
    int in_use;  /* > 0: within code that needs the shards' handles to stay; nests */
};

static inline bool sse_multi_has_time(const sse_multi *m, const sse_turn_share *of)
{
    return of->turn != sse_loop_turns(m->loop) || of->spent < SSE_MULTI_SHARE ||
           of->count < SSE_MULTI_LEAST;
}

/* Adds what the work that began at `began` (as sse_loop_now_us) has taken. */
static inline void sse_multi_spend(const sse_multi *m, sse_turn_share *of, uint64_t began)
{
    uint64_t turn = sse_loop_turns(m->loop);

    if (of->turn != turn)
        *of = (sse_turn_share){ .turn = turn };
    of->count++;
    of->spent += sse_loop_now_us(m->loop) - began;
}

#endif
