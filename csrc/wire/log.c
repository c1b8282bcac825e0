#include "log.h"

#include <stdio.h>
#include <stdlib.h>

#include "decimal.h"
#include "error.h"

#define INITIAL_CAP 16 /* of the ring and of each index, in entries */

static void set_epoch(sse_log *log, const char *epoch)
{
    snprintf(log->epoch, sizeof log->epoch, "%s", epoch);
    log->epoch_len = strlen(log->epoch);
}

void sse_log_init(sse_log *log, const sse_log_limits *limits, const char *epoch,
                  const sse_hash_seed *seed)
{
    *log = (sse_log){ .limits = *limits, .oldest = 1, .first = 1, .next = 1, .seed = *seed };
    set_epoch(log, epoch);
}

sse_slice sse_log_event_id(const sse_log *log, uint64_t position)
{
    const sse_log_entry *e = sse_log_at(log, position);

    return (sse_slice){ sse_frame_payload(e->frame).at + 4, e->id_line - 5 }; /* "id: ", LF */
}

size_t sse_log_id(const sse_log *log, uint64_t position, char *out)
{
    size_t len = log->epoch_len;

    memcpy(out, log->epoch, len);
    out[len++] = '-';
    len += sse_number_write_integer(out + len, (int64_t)position);
    out[len] = '\0';
    return len;
}

/* --- finding events by tags ------------------------------------------------------------------- */

static sse_slice tag_of(const sse_log_entry *e, int tag)
{
    const char *at = e->tags;

    if (!at)
        return (sse_slice){ 0 }; /* adding even 0 to NULL is undefined */
    for (int i = 0; i < tag; i++)
        at += e->tag_len[i];
    return (sse_slice){ at, e->tag_len[tag] };
}

static uint64_t *bucket(const sse_log *log, int tag, sse_slice value)
{
    const sse_log_index *index = &log->index[tag];

    return &index->buckets[sse_hash(&log->seed, value) & (index->cap - 1)];
}

uint64_t sse_log_find(const sse_log *log, int tag, sse_slice value)
{
    if (log->index[tag].cap == 0 || value.len == 0)
        return 0;
    for (uint64_t at = *bucket(log, tag, value); at; at = sse_log_at(log, at)->chain[tag])
        if (sse_slice_equal(tag_of(sse_log_at(log, at), tag), value))
            return at;
    return 0;
}

static void link_tag(sse_log *log, int tag, uint64_t position)
{
    sse_log_entry *e = sse_log_at(log, position);
    uint64_t *head = bucket(log, tag, tag_of(e, tag));

    e->chain[tag] = *head;
    e->indexed |= 1u << tag;
    *head = position;
}

static bool is_linked(const sse_log_entry *e, int tag)
{
    return e->indexed >> tag & 1;
}

/* Makes room for one more event in a tag's index, so that link_tag can't fail. */
static int grow_index(sse_log *log, int tag)
{
    sse_log_index *index = &log->index[tag];
    size_t cap = index->cap ? index->cap * 2 : INITIAL_CAP;
    uint64_t *buckets = NULL;

    if (index->count < index->cap)
        return SSE_OK;
    buckets = calloc(cap, sizeof *buckets);
    if (!buckets)
        return SSE_ENOMEM;
    free(index->buckets);
    index->buckets = buckets;
    index->cap = cap;
    for (uint64_t at = log->first; at < log->next; at++)
        if (is_linked(sse_log_at(log, at), tag))
            link_tag(log, tag, at);
    return SSE_OK;
}

/* Takes an event out of a tag's index. The walk is short whatever the values are: a chain holds one
 * event of each value, and the hash is seeded. */
static void unlink_tag(sse_log *log, int tag, uint64_t position)
{
    sse_log_entry *e = sse_log_at(log, position);
    uint64_t *at = bucket(log, tag, tag_of(e, tag));

    while (*at != position)
        at = &sse_log_at(log, *at)->chain[tag];
    *at = e->chain[tag];
    e->indexed &= (uint8_t) ~(1u << tag);
    log->index[tag].count--;
}

/* --- dropping events -------------------------------------------------------------------------- */

/* Takes the oldest event out of the history. No tag finds the event any more; its frame stays. Its
 * publisher's id is kept until the next event leaves, because a client that has this event misses
 * nothing. */
static void evict_oldest(sse_log *log)
{
    sse_log_entry *e = sse_log_at(log, log->first);
    size_t id_len = e->tag_len[SSE_LOG_ID];

    for (int tag = 0; tag < SSE_LOG_TAGS; tag++)
        if (is_linked(e, tag))
            unlink_tag(log, tag, log->first);
    if (!e->superseded)
        log->newest_left = log->first;
    free(log->left_id);
    log->left_id = id_len > 0 ? e->tags : NULL; /* the id is first in the tags' bytes */
    log->left_id_len = id_len;
    if (!log->left_id)
        free(e->tags);
    e->tags = NULL;
    memset(e->tag_len, 0, sizeof e->tag_len);
    log->first++;
}

/* Drops the oldest frame, whose event has left the history. */
static void drop_oldest_frame(sse_log *log)
{
    sse_log_entry *e = sse_log_at(log, log->oldest);

    if (!e->superseded)
        log->newest_dropped = log->oldest;
    sse_frame_unref(e->frame);
    *e = (sse_log_entry){ 0 };
    log->oldest++;
}

/* Makes the history begin at `first`, and drops the frames before `oldest`. */
static void drop_before(sse_log *log, uint64_t first, uint64_t oldest)
{
    while (log->first < first)
        evict_oldest(log);
    while (log->oldest < oldest)
        drop_oldest_frame(log);
}

/* The first position from `first` on that is within the limits, if `more` events of `bytes` framed
 * bytes in all were added now. */
static uint64_t first_within(const sse_log *log, uint64_t first, const sse_log_limits *limits,
                             size_t more, size_t bytes, uint64_t now)
{
    for (; first < log->next; first++) {
        const sse_log_entry *e = sse_log_at(log, first);
        bool aged = limits->max_age && now - e->time >= limits->max_age;

        if (!aged && log->next - first + more <= limits->max_count &&
            log->total - e->before + bytes <= limits->max_bytes)
            break;
    }
    return first;
}

/* The limit doubled, or raised by least_more where that is more; UINT64_MAX instead of an overflow.
 */
static uint64_t stretch(uint64_t limit, uint64_t least_more)
{
    uint64_t more = limit > least_more ? limit : least_more;

    return limit < UINT64_MAX / 2 && more < UINT64_MAX / 2 ? limit + more : UINT64_MAX;
}

static sse_log_limits stretched_limits(const sse_log_limits *limits)
{
    uint64_t count = stretch(limits->max_count, SSE_LOG_STRETCH_EVENTS);

    return (sse_log_limits){
        .max_count = count < SIZE_MAX ? (size_t)count : SIZE_MAX,
        .max_bytes = stretch(limits->max_bytes, SSE_LOG_STRETCH_BYTES),
    };
}

uint64_t sse_log_would_keep(const sse_log *log, size_t bytes, uint64_t now)
{
    sse_log_limits limits = stretched_limits(&log->limits);

    return log->stretched ? first_within(log, log->oldest, &limits, 1, bytes, now)
                          : first_within(log, log->first, &log->limits, 1, bytes, now);
}

uint64_t sse_log_trims_to(const sse_log *log, uint64_t now)
{
    return first_within(log, log->first, &log->limits, 0, 0, now);
}

bool sse_log_drop(sse_log *log, uint64_t before, size_t most)
{
    for (; log->oldest < before && most > 0; most--) {
        if (log->oldest == log->first)
            evict_oldest(log);
        drop_oldest_frame(log);
    }
    return log->oldest >= before;
}

void sse_log_clear(sse_log *log)
{
    drop_before(log, log->next, log->next);
}

void sse_log_restart(sse_log *log, const char *epoch, uint64_t position)
{
    sse_log_clear(log);
    free(log->left_id);
    log->left_id = NULL;
    log->left_id_len = 0;
    set_epoch(log, epoch);
    log->is_window = true;
    log->oldest = log->first = log->next = position;
    log->newest_left = log->newest_dropped = position - 1;
}

size_t sse_log_memory(const sse_log *log)
{
    size_t bytes = log->cap * sizeof log->ring[0];

    for (int i = 0; i < SSE_LOG_TAGS; i++)
        bytes += log->index[i].cap * sizeof log->index[i].buckets[0];
    if (log->oldest < log->next)
        bytes += (size_t)(log->total - sse_log_at(log, log->oldest)->before) +
                 (size_t)(log->next - log->oldest) * sizeof(sse_frame);
    return bytes;
}

void sse_log_free(sse_log *log)
{
    sse_log_clear(log);
    for (int tag = 0; tag < SSE_LOG_TAGS; tag++)
        free(log->index[tag].buckets);
    free(log->left_id);
    free(log->ring);
    log->left_id = NULL;
    log->ring = NULL;
}

/* --- adding an event -------------------------------------------------------------------------- */

/* Makes room for one more entry. */
static int grow_ring(sse_log *log)
{
    size_t cap = log->cap ? log->cap * 2 : INITIAL_CAP;
    sse_log_entry *ring = NULL;

    if (log->next - log->oldest < log->cap)
        return SSE_OK;
    ring = calloc(cap, sizeof *ring);
    if (!ring)
        return SSE_ENOMEM;
    for (uint64_t at = log->oldest; at < log->next; at++)
        ring[at & (cap - 1)] = *sse_log_at(log, at);
    free(log->ring);
    log->ring = ring;
    log->cap = cap;
    return SSE_OK;
}

static int copy_tags(sse_log_entry *e, const sse_slice tags[SSE_LOG_TAGS])
{
    size_t len = 0;
    char *to = NULL;

    for (int i = 0; i < SSE_LOG_TAGS; i++) {
        if (tags[i].len > UINT32_MAX)
            return SSE_ETOOBIG;
        e->tag_len[i] = (uint32_t)tags[i].len;
        len += tags[i].len;
    }
    if (len == 0)
        return SSE_OK;
    to = e->tags = malloc(len);
    if (!to)
        return SSE_ENOMEM;
    for (int i = 0; i < SSE_LOG_TAGS; i++) {
        if (tags[i].len > 0)
            memcpy(to, tags[i].at, tags[i].len);
        to += tags[i].len;
    }
    return SSE_OK;
}

/* Does every allocation that an append needs, so that the append itself cannot fail half-way. */
static int prepare(sse_log *log, sse_log_entry *e, const sse_slice tags[SSE_LOG_TAGS])
{
    int code = grow_ring(log);

    for (int i = 0; i < SSE_LOG_TAGS && !code; i++)
        if (tags[i].len > 0)
            code = grow_index(log, i);
    return code ? code : copy_tags(e, tags);
}

/* Puts the newest event into the indexes, in place of older events with the same values. An event
 * with the same key is superseded. */
static void index_newest(sse_log *log)
{
    uint64_t newest = log->next - 1;
    const sse_log_entry *e = sse_log_at(log, newest);

    for (int tag = 0; tag < SSE_LOG_TAGS; tag++) {
        uint64_t older = 0;

        if (e->tag_len[tag] == 0)
            continue;
        older = sse_log_find(log, tag, tag_of(e, tag));
        if (older)
            unlink_tag(log, tag, older);
        if (older && tag == SSE_LOG_KEY) {
            sse_log_at(log, older)->superseded = true;
            log->superseded++;
        }
        link_tag(log, tag, newest);
        log->index[tag].count++;
    }
}

int sse_log_append(sse_log *log, sse_frame *frame, size_t id_line,
                   const sse_slice tags[SSE_LOG_TAGS], uint64_t now)
{
    sse_log_entry e = { .time = now, .id_line = (uint32_t)id_line };
    size_t bytes = sse_frame_chunk(frame).len;
    uint64_t first = 0;
    bool too_big = bytes > log->limits.max_bytes && !log->is_window;
    int code = too_big ? SSE_ETOOBIG : prepare(log, &e, tags);

    if (code)
        return code;
    first = first_within(log, log->first, &log->limits, 1, bytes, now);
    drop_before(log, first, sse_log_would_keep(log, bytes, now));
    e.before = log->total;
    e.frame = sse_frame_ref(frame);
    *sse_log_at(log, log->next++) = e;
    log->total += bytes;
    index_newest(log);
    return SSE_OK;
}

/* --- bytes before a position ------------------------------------------------------------------ */

size_t sse_log_copy_before(const sse_log *log, uint64_t position, char *out, size_t max)
{
    uint64_t from = position;
    size_t len = 0;

    while (from > log->oldest && len < max && !sse_log_at(log, from - 1)->superseded)
        len += sse_log_at(log, --from)->frame->payload;
    len = len < max ? len : max;
    for (size_t left = len; left > 0; position--) {
        sse_slice s = sse_frame_payload(sse_log_at(log, position - 1)->frame);
        size_t n = s.len < left ? s.len : left;

        left -= n;
        memcpy(out + left, s.at + s.len - n, n);
    }
    return len;
}

/* --- ids that clients bring ------------------------------------------------------------------- */

/* Reads a position as sse_log_id writes it; false: anything else. A number that is too large
 * becomes UINT64_MAX, which is past every head. */
static bool read_position(sse_slice digits, uint64_t *position)
{
    *position = 0;
    if (digits.len == 0 || (digits.at[0] == '0' && digits.len > 1))
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        unsigned digit = (unsigned)(unsigned char)digits.at[i] - '0';

        if (digit > 9)
            return false;
        if (*position > (UINT64_MAX - digit) / 10)
            *position = UINT64_MAX;
        else
            *position = *position * 10 + digit;
    }
    return true;
}

bool sse_log_read_id(const sse_log *log, sse_slice id, uint64_t *position)
{
    size_t len = log->epoch_len;

    return id.len > len + 1 && memcmp(id.at, log->epoch, len) == 0 && id.at[len] == '-' &&
           read_position((sse_slice){ id.at + len + 1, id.len - len - 1 }, position);
}

sse_log_place sse_log_locate(const sse_log *log, sse_slice id, uint64_t *next)
{
    uint64_t position = 0;
    bool known = sse_log_read_id(log, id, &position);

    if (known && position >= log->next) {
        *next = log->next;
        return SSE_LOG_FUTURE;
    }
    *next = log->first;
    if (!known) {
        position = sse_log_find(log, SSE_LOG_ID, id);
        known = position > 0;
    }
    if (!known && log->left_id &&
        sse_slice_equal(id, (sse_slice){ log->left_id, log->left_id_len })) {
        position = log->first - 1;
        known = true;
    }
    if (!known)
        return SSE_LOG_UNKNOWN;
    if (sse_log_missed(log, position + 1))
        return SSE_LOG_EXPIRED;
    if (position + 1 > log->first)
        *next = position + 1;
    return SSE_LOG_FOUND;
}
