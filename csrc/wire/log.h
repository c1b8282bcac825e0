/* log.h: the events of a channel, newest last: a ring of frames within bounds of count, bytes and
 * age. Each has a position, 1 for the first ever; its id is `epoch-position`, or one of its own.
 * From any id that a client may bring, the log tells in O(1) what follows it, or why it can't.
 * Pure: the time is given. */
#ifndef SSE_WIRE_LOG_H
#define SSE_WIRE_LOG_H

#include "frame.h"
#include "hash.h"

#define SSE_MAX_EPOCH 16 /* characters: lower-case letters and digits */
#define SSE_MAX_ID    40 /* bytes of "epoch-position" and a NUL */

typedef struct sse_log_limits {
    size_t max_count;   /* events held; 0: none but the newest, until the next trim */
    uint64_t max_bytes; /* of framed bytes; a larger event alone is refused */
    uint64_t max_age;   /* microseconds, 0: no bound */
} sse_log_limits;

/* Until its next trim a stretched log keeps the frames of events that its limits have pushed out of
 * the history, for readers that are owed them: in all twice its limits, or so much more than the
 * limits where that is more. Age does not count. Nobody finds such events by an id or a tag. */
#define SSE_LOG_STRETCH_EVENTS 64
#define SSE_LOG_STRETCH_BYTES  (64u << 10)

/* What an event can be found by beside its position; at NULL: not by this. */
enum { SSE_LOG_ID, SSE_LOG_KEY, SSE_LOG_DEDUPE, SSE_LOG_TAGS };

typedef struct sse_log_entry {
    sse_frame *frame;
    char *tags;                     /* their bytes, one behind the other */
    uint64_t before;                /* framed bytes of all events ever before it */
    uint64_t time;                  /* microseconds: when it was published */
    uint64_t chain[SSE_LOG_TAGS];   /* the next position of the same bucket, 0: none */
    uint32_t tag_len[SSE_LOG_TAGS]; /* 0: none */
    uint32_t id_line;               /* bytes of the line its payload begins with, "id: ..." LF */
    bool superseded;                /* a newer one has its key */
    uint8_t found_by;               /* a bit for each tag that leads to it, and to none newer */
} sse_log_entry;

typedef struct sse_log_index {
    uint64_t *buckets; /* positions, 0: none */
    size_t cap, count;
} sse_log_index; /* of each value the newest event */

typedef struct sse_log {
    sse_log_limits limits;
    bool stretched; /* an append keeps the frames of events that leave the history */
    char epoch[SSE_MAX_EPOCH + 1];
    size_t epoch_len;
    uint64_t oldest;      /* frames are there from this position on */
    uint64_t first, next; /* the history: first <= position < next */
    uint64_t lost;        /* the newest event that left the history unsuperseded; 0: none */
    uint64_t dropped;     /* the newest event whose frame went unsuperseded; 0: none */
    uint64_t total;       /* framed bytes of all events ever */
    uint64_t superseded;  /* events ever that a newer one took the key of while they were held */
    char *edge;           /* the own id of the event just before the oldest held; NULL: none */
    size_t edge_len;
    sse_log_entry *ring; /* of cap, a power of two */
    size_t cap;
    sse_log_index index[SSE_LOG_TAGS];
    sse_hash_seed seed;
} sse_log;

/* epoch: what tells this log from any other, ever. seed: random, for the hashes of tags, so that
 * nobody can choose tags that make finding slow. */
void sse_log_init(sse_log *log, const sse_log_limits *limits, const char *epoch,
                  const sse_hash_seed *seed);
void sse_log_free(sse_log *log);

/* Bytes that it owns: frames, ring and hash indexes. */
size_t sse_log_memory(const sse_log *log);

/* Drops everything held, as if it had aged. */
void sse_log_clear(sse_log *log);

/* The event at a position from log->oldest on. */
static inline sse_log_entry *sse_log_at(const sse_log *log, uint64_t position)
{
    return &log->ring[position & (log->cap - 1)];
}

/* Writes the id of a position as text into out (SSE_MAX_ID bytes); returns its length. */
size_t sse_log_id(const sse_log *log, uint64_t position, char *out);

/* The first position whose frame would still be there, were `bytes` of one more event added now. */
uint64_t sse_log_would_keep(const sse_log *log, size_t bytes, uint64_t now);

/* The first position that a trim would keep now. */
uint64_t sse_log_trims_to(const sse_log *log, uint64_t now);

/* Adds the frame (with a reference) at log->next, whose payload begins with an id line of id_line
 * bytes, and drops what is over the bounds then. SSE_ETOOBIG: over max_bytes alone; SSE_ENOMEM.
 * Nothing changed then. */
int sse_log_append(sse_log *log, sse_frame *frame, size_t id_line,
                   const sse_slice tags[SSE_LOG_TAGS], uint64_t now);

/* Copies the payload bytes right before a position, `max` at most, to `out`; returns how many. They
 * begin behind the newest superseded event, because a reader may have skipped that event. */
size_t sse_log_copy_before(const sse_log *log, uint64_t position, char *out, size_t max);

/* Drops what is over the bounds now, and all frames of events that have left the history. */
void sse_log_trim(sse_log *log, uint64_t now);

/* The position of the newest event that is held with that tag; 0: none. */
uint64_t sse_log_find(const sse_log *log, int tag, sse_slice value);

/* Whether an id would be taken for a position of this log. */
bool sse_log_is_position(const sse_log *log, sse_slice id);

typedef enum sse_log_place {
    SSE_LOG_HERE,    /* *next: the first position after it; nothing is missing */
    SSE_LOG_EXPIRED, /* events after it are gone; *next: the oldest held */
    SSE_LOG_FUTURE,  /* of this epoch, but never published; *next: the head */
    SSE_LOG_STRANGE, /* of another epoch, or unknown; *next: the oldest held */
} sse_log_place;

sse_log_place sse_log_locate(const sse_log *log, sse_slice id, uint64_t *next);

/* Events of the history are missing for a reader that comes to it at `from`. */
static inline bool sse_log_missed(const sse_log *log, uint64_t from)
{
    return from <= log->lost;
}

/* Frames are missing for a reader that goes on at `from`. */
static inline bool sse_log_overtook(const sse_log *log, uint64_t from)
{
    return from <= log->dropped;
}

#endif
