/* channel_types.h: the structs of channels and followers, which the files of this folder share.
 *
 * A follower is "blocked" while its stream is (what it was sent waits for the client), and
 * "writable" otherwise. Positions are those of the channel's log. */
#ifndef SSE_PUSH_CHANNEL_TYPES_H
#define SSE_PUSH_CHANNEL_TYPES_H

#include "../wire/position.h"
#include "batch.h"
#include "presence.h"
#include "stream.h"

struct sse_channel;

/* A follower is slow once events that it was not sent have been dropped from the log, or once it
 * was more than max_lag bytes behind while it was blocked. What becomes of it: */
typedef enum sse_slow {
    SSE_SLOW_CLOSE,  /* its stream is ended; when it comes back, it is sent what it missed, or a gap
                        event */
    SSE_SLOW_SKIP,   /* it is sent a gap event, and goes on with what the log holds */
    SSE_SLOW_LATEST, /* it is sent only the newest event of each key; otherwise as SKIP */
} sse_slow;

/* Why a client is sent a gap event. */
typedef enum sse_gap {
    SSE_GAP_EXPIRED, /* events after its last event id have left the log */
    SSE_GAP_UNKNOWN, /* no event has its last event id */
    SSE_GAP_SLOW,    /* it was too slow, and events have been skipped */
    SSE_GAPS,
} sse_gap;

#define SSE_DELAYS 16 /* buckets of the histogram of delays, the last without a bound */

typedef struct sse_channel_counters {
    uint64_t published;          /* events added to the log */
    uint64_t repeated;           /* publishes that added none, since the log holds their `dedupe` */
    uint64_t refused;            /* publishes that failed */
    uint64_t delivered, bytes;   /* events handed to sockets, and their payload bytes */
    uint64_t filtered;           /* events that a where function kept from a follower */
    uint64_t gaps[SSE_GAPS];     /* gap events sent */
    uint64_t slow_closed;        /* followers whose stream was ended because they were slow */
    uint64_t skipped;            /* events that slow followers were never sent */
    uint64_t resumed, missed;    /* followers with a last event id: no events missing; maybe some */
    uint64_t delays[SSE_DELAYS]; /* events delivered live, by the time from publish to socket */
    uint64_t delay_sum;          /* microseconds */
} sse_channel_counters;

/* Which events a follower gets. Several followers may share one. */
typedef struct sse_filter {
    /* Says whether the event at a position of the log, the channel's or a page, is wanted: 1 or 0;
     * less than 0 ends the stream. May do anything but publish to the channel or close it, which
     * are refused, or free it. */
    int (*wants)(struct sse_filter *filter, const struct sse_channel *c, const sse_log *log,
                 uint64_t position);
    /* Called when the last reference has gone; may call no function of a channel or a stream. */
    void (*release)(struct sse_filter *filter);
    size_t refs; /* of followers, and of whoever made it */
} sse_filter;

/* A stream's place in a channel. */
typedef struct sse_follower {
    struct sse_follower *next, **link; /* in the channel's list; once it has left, `next` is in the
                                          server context's list of followers to be freed */
    struct sse_follower *next_of_stream; /* the stream's follower of another channel */
    struct sse_channel *channel;
    sse_stream *stream;
    sse_filter *filter;  /* or NULL: every event is wanted */
    uint64_t cursor;     /* position of the next event to be sent */
    bool live;           /* it was at the head of the log at least once */
    bool over_max_lag;   /* it was more than max_lag behind while it was blocked */
    bool in_service;     /* it is being served: a filter's calls must not serve it again */
    bool left;           /* it has left channel and stream; freed at the end of the turn */
    bool waiting : 1;    /* it is in the window's list `waiting` */
    bool lost_epoch : 1; /* its cursor is of the window's lost epoch, and it is to be told */
    uint8_t pending_end; /* sse_reason: a publish found that the stream must end, and the channel's
                            next round ends it; SSE_NOT_ENDED: it need not */
    uint16_t untold; /* events that the client did not get, and that lie between the last id it was
                        sent and the cursor; UINT16_MAX: or more, or it was sent no id */
} sse_follower;

/* The callbacks of a channel's owner. */
typedef struct sse_channel_events {
    sse_presence_events presence;
    /* A page is wanted that begins at the position: sse_window_page is to follow. May call it, but
     * no other function of a channel or a stream. Only of a channel with a window. */
    void (*on_page_wanted)(void *user, uint64_t from);
    /* A follower has come or left. As on_empty. */
    void (*on_count)(void *user);
    /* The last follower has left. Called within the call that made it leave; may call no function
     * of a channel or a stream. Or NULL. */
    void (*on_empty)(void *user);
} sse_channel_events;

/* A round brings every follower to the head of the log. It may take several turns of the loop. */
typedef struct sse_round {
    sse_deferred run;       /* work: begins a round, or goes on with it */
    uint64_t target;        /* log.next when the round under way began; 0: none is under way */
    uint64_t trims_to;      /* the trim at its end drops frames before this; 0: none is under way */
    sse_follower *next;     /* the follower that is served next */
    uint64_t owed_writable; /* least cursor of the writable followers that it has served, but not
                               brought to the head; UINT64_MAX: none */
    uint64_t owed_blocked;  /* least cursor of the blocked followers that it has met, and that lost
                               nothing; UINT64_MAX: none */
    bool overtakes;         /* its trim drops events that a blocked follower was not sent, and such
                               followers are to be ended: another round does it */
} sse_round;

/* Consecutive events that were read from the store, for followers that the window's events do not
 * reach. */
typedef struct sse_page {
    sse_log log;         /* empty: no page */
    uint64_t from;       /* the page has what the store has from this position on */
    sse_batches batches; /* that followers share */
} sse_page;

#define SSE_PAGES 4 /* kept */

/* Of a channel whose log is kept in a store: what the process holds of that log is a window on it.
 */
typedef struct sse_window {
    sse_log_limits bounds; /* the store's; those of the channel's own log may be less */
    bool loaded;           /* the channel's log has what the store's head has, and is kept so */
    uint64_t first;        /* of the store's history, as heard last */
    sse_follower *waiting; /* older than the window: they are sent pages. No round serves them */
    sse_follower **last;   /* where the next one is linked */
    sse_follower *next;    /* is looked at next by `run` */
    sse_deferred run;      /* work: looks once after each of those that wait */
    bool again;            /* something has come for them since the pass under way began */
    sse_page pages[SSE_PAGES];
    unsigned next_page;    /* modulo SSE_PAGES: the page that the next one replaces */
    uint64_t asked;        /* a page from there on has been asked for; 0: none */
    uint64_t restarted_at; /* where the followers of a lost epoch go on */
    char lost_epoch[SSE_MAX_EPOCH + 1];
} sse_window;

typedef struct sse_channel {
    sse_loop *loop;
    sse_log log;
    sse_window *window; /* NULL: the channel's log is all there is */
    sse_slow slow;
    uint64_t max_lag;           /* framed bytes a live follower may be behind; 0: no bound */
    char *name, *gap_event;     /* gap_event: type of its gap events */
    char tag[SSE_MAX_TAG];      /* its name in the ids of streams that follow several channels */
    sse_follower *followers;    /* newest first */
    size_t count;               /* of followers */
    struct sse_reader *readers; /* those of the process itself: see reader.h */
    size_t waiting_readers;     /* of them, those that wait */
    size_t ready_readers; /* of them, those whose on_ready is called later in this turn or in the
                             next: until then the log is not trimmed */
    uint64_t now;         /* the loop's clock as read last, microseconds */
    sse_round round;
    uint64_t owed_writable;  /* every writable follower has been sent all events before this */
    uint64_t owed_blocked;   /* every blocked follower that lost nothing has been sent all events
                                before this; UINT64_MAX: there is no such follower */
    uint64_t drops_to;       /* events before this are being dropped, slice by slice; 0: none are */
    uint64_t retried_turn;   /* the loop's turn in which a publish last tried full sockets again */
    sse_batches batches;     /* that followers share */
    struct sse_alike *alike; /* a batch that streams of several channels share; NULL: none */
    sse_deferred cleanup;    /* work: drops what no round drops. See round.c */
    sse_timer aging;         /* fires when the oldest event reaches max_age */
    sse_presence presence;
    void *user;
    const sse_channel_events *on;
    sse_channel_counters counters;
    unsigned delay_bucket; /* the index of counters.delays at which was counted last */
    unsigned era;          /* with a window: how often it has begun anew */
    bool refusing;   /* with a window: it will be closed, and takes no more events and followers */
    bool closed;     /* takes no more events and followers; those there are, and readers, get the
                        rest */
    bool filtering;  /* a filter is being asked: publishing and closing are refused */
    bool publishing; /* a publish serves followers, and may end none of their streams */
    bool aging_runs; /* the aging timer is set */
} sse_channel;

#endif
