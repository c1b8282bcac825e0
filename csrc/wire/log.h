/* log.h: the events of a channel, newest last: a ring of frames within bounds of count, bytes and
 * age. Each event has a position, 1 for the first ever; its id is `epoch-position`, or one that the
 * publisher gave. For any id of a client, the log tells in O(1) which event follows it, or why it
 * can't tell. Callers give the time. "Framed bytes" are an event's payload with its chunk framing.
 *
 * Events from `first` on are the history: ids, keys and `dedupe` values find them. Events from
 * `oldest` to `first`, in a stretched log, have left the history; only their frames stay. */
#ifndef SSE_WIRE_LOG_H
#define SSE_WIRE_LOG_H

#include "frame.h"
#include "hash.h"

#define SSE_MAX_EPOCH 16 /* characters: lower-case letters and digits */
#define SSE_MAX_ID    40 /* bytes of "epoch-position" and a NUL */

typedef struct sse_log_limits {
    size_t max_count;   /* events; 0: only the newest, until the next trim */
    uint64_t max_bytes; /* framed bytes of them; a larger event is refused */
    uint64_t max_age;   /* microseconds; 0: no bound */
} sse_log_limits;

/* Until it is trimmed (sse_log_drop to sse_log_trims_to) a stretched log keeps frames of events
 * that have left the history, for readers that were not sent them yet: up to twice its limits in
 * all, or up to the limits and this much more where that is larger. Age does not count. */
#define SSE_LOG_STRETCH_EVENTS 64
#define SSE_LOG_STRETCH_BYTES  (64u << 10)

/* The tags by which an event can be found beside its position. An absent one finds nothing. */
enum { SSE_LOG_ID, SSE_LOG_KEY, SSE_LOG_DEDUPE, SSE_LOG_TAGS };

typedef struct sse_log_entry {
    sse_frame *frame;
    char *tags;                     /* the tags' bytes, one after the other; or NULL */
    uint64_t before;                /* framed bytes of all events before it, ever */
    uint64_t time;                  /* microseconds: when it was published */
    uint64_t chain[SSE_LOG_TAGS];   /* the next position in the same bucket; 0: none */
    uint32_t tag_len[SSE_LOG_TAGS]; /* bytes of each tag; 0: absent */
    uint32_t id_line;               /* bytes of its payload's first line, "id: ..." LF */
    bool superseded;                /* a newer event has its key */
    uint8_t indexed;                /* a bit for each tag whose index leads to this event */
} sse_log_entry;

/* A hash index from a tag's values to the newest event of each. */
typedef struct sse_log_index {
    uint64_t *buckets; /* position of each chain's first event; 0: none */
    size_t cap, count; /* buckets, a power of two; events */
} sse_log_index;

typedef struct sse_log {
    sse_log_limits limits;
    bool stretched; /* appends keep the frames of events that leave the history */
    bool is_window; /* takes an event of any size: see sse_log_restart */
    char epoch[SSE_MAX_EPOCH + 1];
    size_t epoch_len;
    uint64_t oldest;         /* the log has the frames from this position on */
    uint64_t first, next;    /* the history: first <= position < next. next is the head */
    uint64_t newest_left;    /* newest event that left the history unsuperseded; 0: none */
    uint64_t newest_dropped; /* newest event whose frame was dropped unsuperseded; 0: none */
    uint64_t total;          /* framed bytes of all events, ever */
    uint64_t superseded;     /* events superseded while they were in the history, ever */
    char *left_id; /* the publisher's id of the event right before `first`; NULL: it had none */
    size_t left_id_len;
    sse_log_entry *ring; /* entries by position modulo cap */
    size_t cap;          /* a power of two */
    sse_log_index index[SSE_LOG_TAGS];
    sse_hash_seed seed;
} sse_log;

/* epoch: tells ids of this log from those of any other, ever. seed: random, for the hashes of tags,
 * so that nobody can choose tags that collide. Nothing is allocated. */
void sse_log_init(sse_log *log, const sse_log_limits *limits, const char *epoch,
                  const sse_hash_seed *seed);
void sse_log_free(sse_log *log);

/* Bytes of memory of its frames, ring and indexes. */
size_t sse_log_memory(const sse_log *log);

/* Drops all events, as if each had reached max_age. */
void sse_log_clear(sse_log *log);

/* Drops everything, and goes on at `position` of the log of that epoch: from now on the log is a
 * window on one that is kept elsewhere, whose events before `position` count as left and dropped.
 * An event that alone is over max_bytes is not refused any more: such an event is held alone, until
 * the next trim. */
void sse_log_restart(sse_log *log, const char *epoch, uint64_t position);

/* The event at a position, which must be in oldest <= position < next. */
static inline sse_log_entry *sse_log_at(const sse_log *log, uint64_t position)
{
    return &log->ring[position & (log->cap - 1)];
}

/* The id of an event whose frame the log has: the bytes are the frame's. */
sse_slice sse_log_event_id(const sse_log *log, uint64_t position);

/* Writes the id `epoch-position` and a NUL to out (SSE_MAX_ID bytes); returns its length. */
size_t sse_log_id(const sse_log *log, uint64_t position, char *out);

/* The first position whose frame would stay if an event of `bytes` framed bytes were added now. */
uint64_t sse_log_would_keep(const sse_log *log, size_t bytes, uint64_t now);

/* The first position that would stay if the log were trimmed now. */
uint64_t sse_log_trims_to(const sse_log *log, uint64_t now);

/* Adds an event at log->next, and drops those that are over the limits then. Takes a reference of
 * the frame, whose payload begins with an id line of id_line bytes. SSE_ETOOBIG: the event alone is
 * over max_bytes, and the log no window; SSE_ENOMEM. An error changes nothing. */
int sse_log_append(sse_log *log, sse_frame *frame, size_t id_line,
                   const sse_slice tags[SSE_LOG_TAGS], uint64_t now);

/* Copies the payload bytes right before a position, `max` at most, to `out`; returns how many. They
 * begin behind the newest superseded event, because a reader may have skipped that event. */
size_t sse_log_copy_before(const sse_log *log, uint64_t position, char *out, size_t max);

/* Drops `most` events before a position at most, oldest first: those of the history, and frames
 * before it. Returns whether none is left before the position. */
bool sse_log_drop(sse_log *log, uint64_t before, size_t most);

/* The position of the newest event of the history that has the tag (SSE_LOG_ID ...) of that value;
 * 0: none has, or the value is empty. */
uint64_t sse_log_find(const sse_log *log, int tag, sse_slice value);

/* Reads an id of the form that this log gives, also of a position never published. false: the id is
 * none, or of another epoch. A number that is too large becomes UINT64_MAX. */
bool sse_log_read_id(const sse_log *log, sse_slice id, uint64_t *position);

static inline bool sse_log_is_position(const sse_log *log, sse_slice id)
{
    uint64_t position = 0;

    return sse_log_read_id(log, id, &position);
}

typedef enum sse_log_place {
    SSE_LOG_FOUND,   /* nothing after it is missing; *next: its position + 1, or log->first if
                        that is later */
    SSE_LOG_EXPIRED, /* events after it have left the history; *next: log->first */
    SSE_LOG_FUTURE,  /* a position of this log that was never published; *next: log->next */
    SSE_LOG_UNKNOWN, /* of another epoch, or no event has it; *next: log->first */
} sse_log_place;

/* Finds the place of an id that a client sent; *next: the position at which it goes on. */
sse_log_place sse_log_locate(const sse_log *log, sse_slice id, uint64_t *next);

/* Whether events have left the history that a new reader from position `from` on would miss. */
static inline bool sse_log_missed(const sse_log *log, uint64_t from)
{
    return from <= log->newest_left;
}

/* Whether frames have been dropped that a reader that goes on at `from` was not sent. */
static inline bool sse_log_overtook(const sse_log *log, uint64_t from)
{
    return from <= log->newest_dropped;
}

#endif
