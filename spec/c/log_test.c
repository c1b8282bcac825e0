/* log_test.c: wire/log agrees with a naive model that keeps every event: random appends with and
 * without tags, bounds of count, bytes and age, and every kind of Last-Event-ID. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../csrc/wire/error.h"
#include "../../csrc/wire/log.h"
#include "../../csrc/wire/position.h"

#define EPOCH  "epoch123"
#define RUNS   100
#define EVENTS 2000 /* in a run */
#define NAMES  40   /* of each kind of tag */

#define CHECK(condition) \
    do { \
        if (!(condition)) \
            fail(#condition, __LINE__); \
    } while (0)

typedef struct event {
    int tag[SSE_LOG_TAGS]; /* 0: none */
    size_t bytes;
    uint64_t time;
    bool superseded; /* a newer event has its key */
    bool lost;       /* left the log before it was superseded */
} event;

static event events[EVENTS + 1];
static uint64_t first, next, now;
static sse_log_limits limits;
static const sse_hash_seed seed = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
static unsigned run;

static void fail(const char *what, int line)
{
    fprintf(stderr, "log_test.c:%d: run %u, %" PRIu64 "-%" PRIu64 ": %s\n", line, run, first, next,
            what);
    exit(1);
}

static uint64_t below(uint64_t n)
{
    static uint64_t x = 88172645463325252u; /* xorshift: the same numbers in every run */

    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return x % n;
}

static sse_slice text(int tag, int name, char out[16])
{
    int len = name ? snprintf(out, 16, "%c%d", "iwk"[tag], name) : 0;

    return (sse_slice){ out, (size_t)len };
}

/* --- the model -------------------------------------------------------------------------------- */

static uint64_t held_bytes(uint64_t from)
{
    uint64_t sum = 0;

    for (uint64_t i = from; i < next; i++)
        sum += events[i].bytes;
    return sum;
}

/* The oldest event that the bounds keep, when `more` events of `bytes` bytes are added. */
static uint64_t oldest_kept(size_t more, size_t bytes)
{
    uint64_t from = first;

    while (from < next &&
           ((limits.max_age && now - events[from].time >= limits.max_age) ||
            next - from + more > limits.max_count || held_bytes(from) + bytes > limits.max_bytes))
        from++;
    return from;
}

static void drop_to(uint64_t from)
{
    for (; first < from; first++)
        events[first].lost = !events[first].superseded;
}

static uint64_t find(int tag, int name)
{
    for (uint64_t i = next; i-- > first;)
        if (name && events[i].tag[tag] == name)
            return i;
    return 0;
}

/* Whether an event from that position on has left the log without being superseded. */
static bool misses(uint64_t from)
{
    for (uint64_t i = from; i < first; i++)
        if (events[i].lost)
            return true;
    return false;
}

static void add(const event *e)
{
    uint64_t older = 0;

    drop_to(oldest_kept(1, e->bytes));
    older = find(SSE_LOG_KEY, e->tag[SSE_LOG_KEY]);
    if (older)
        events[older].superseded = true;
    events[next++] = *e;
}

/* --- the log against the model ---------------------------------------------------------------- */

static void check_id(const sse_log *log, sse_slice id, sse_log_place place, uint64_t from)
{
    uint64_t at = 0;

    CHECK(sse_log_locate(log, id, &at) == place);
    CHECK(at == from);
}

/* An id that names the event at that position: what follows it is sent. */
static void check_after(const sse_log *log, sse_slice id, uint64_t position)
{
    if (misses(position + 1))
        check_id(log, id, SSE_LOG_EXPIRED, first);
    else
        check_id(log, id, SSE_LOG_FOUND, position + 1 > first ? position + 1 : first);
}

static void check_positions(const sse_log *log)
{
    uint64_t positions[] = { 0, first - 1, first, next - 1, next, next + 1, below(next + 2) };
    char id[SSE_MAX_ID];

    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        sse_slice s = { id, sse_log_id(log, positions[i], id) };

        CHECK(sse_log_is_position(log, s));
        if (positions[i] >= next)
            check_id(log, s, SSE_LOG_FUTURE, next);
        else
            check_after(log, s, positions[i]);
    }
}

static void check_own_ids(const sse_log *log)
{
    char out[16];

    for (int i = 0; i < 5; i++) {
        int name = 1 + (int)below(NAMES);
        sse_slice id = text(SSE_LOG_ID, name, out);
        uint64_t at = find(SSE_LOG_ID, name);

        if (!at && first > 1 && events[first - 1].tag[SSE_LOG_ID] == name)
            at = first - 1; /* the newest of those that left */
        if (at)
            check_after(log, id, at);
        else
            check_id(log, id, SSE_LOG_UNKNOWN, first);
    }
}

static void check_strange(const sse_log *log)
{
    static const char *const ids[] = { "",          "-",          EPOCH,       EPOCH "-",
                                       EPOCH "-01", EPOCH "-1x",  EPOCH "--1", "epoch12-1",
                                       "1",         "epoch124-1", EPOCH "1",   EPOCH "-+1" };

    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        check_id(log, (sse_slice){ ids[i], strlen(ids[i]) }, SSE_LOG_UNKNOWN, first);
    check_id(log, SSE_SLICE(EPOCH "-18446744073709551615"), SSE_LOG_FUTURE, next);
    check_id(log, SSE_SLICE(EPOCH "-99999999999999999999999999"), SSE_LOG_FUTURE, next);
}

static void check(const sse_log *log)
{
    char out[16];

    CHECK(log->first == first && log->next == next);
    CHECK(first == next || log->total - sse_log_at(log, first)->before == held_bytes(first));
    CHECK(sse_log_would_keep(log, 50, now) == oldest_kept(1, 50));
    CHECK(log->cap == 0 || (log->cap & (log->cap - 1)) == 0);
    for (int tag = 0; tag < SSE_LOG_TAGS; tag++) {
        int name = 1 + (int)below(NAMES);

        CHECK(sse_log_find(log, tag, text(tag, name, out)) == find(tag, name));
    }
    for (int i = 0; i < 3 && first < next; i++) {
        uint64_t at = first + below(next - first);
        const sse_log_entry *e = sse_log_at(log, at);

        CHECK(e->superseded == events[at].superseded && e->time == events[at].time);
        CHECK(sse_frame_chunk(e->frame).len == events[at].bytes);
    }
    CHECK(sse_log_missed(log, 1) == misses(1));
    check_positions(log);
    check_own_ids(log);
    check_strange(log);
}

static void append(sse_log *log)
{
    static const char bytes[4096];
    event e = { .time = now };
    sse_frame *frame = sse_frame_new((sse_slice){ bytes, 1 + below(below(20) ? 100 : 4000) });
    char out[SSE_LOG_TAGS][16];
    sse_slice tags[SSE_LOG_TAGS];
    int code = SSE_OK;

    if (!frame)
        exit(1);
    for (int tag = 0; tag < SSE_LOG_TAGS; tag++) {
        e.tag[tag] = below(3) ? 1 + (int)below(NAMES) : 0;
        if (tag == SSE_LOG_ID && find(tag, e.tag[tag])) /* a channel refuses an id that it holds */
            e.tag[tag] = 0;
        tags[tag] = text(tag, e.tag[tag], out[tag]);
    }
    e.bytes = sse_frame_chunk(frame).len;
    code = sse_log_append(log, frame, 0, tags, now);
    CHECK(code == (e.bytes > limits.max_bytes ? SSE_ETOOBIG : SSE_OK));
    if (!code)
        add(&e);
    sse_frame_unref(frame);
}

static void one_run(void)
{
    static const size_t counts[] = { 0, 1, 2, 3, 15, 16, 17, 100, SIZE_MAX };
    sse_log log;

    limits = (sse_log_limits){ .max_count = counts[below(9)],
                               .max_bytes = below(2) ? 100 + below(5000) : UINT64_MAX,
                               .max_age = below(2) ? 1 + below(1000) : 0 };
    first = next = 1;
    now = 0;
    sse_log_init(&log, &limits, EPOCH, &seed);
    check(&log);
    while (next < EVENTS && now < 4 * EVENTS) {
        now += 1 + below(10);
        append(&log);
        if (below(10) == 0) {
            now += below(50);
            while (!sse_log_drop(&log, sse_log_trims_to(&log, now), 1 + below(20)))
                continue;
            drop_to(oldest_kept(0, 0));
        }
        if (below(500) == 0) {
            sse_log_clear(&log);
            drop_to(next);
        }
        if (below(4) == 0)
            check(&log);
    }
    sse_log_free(&log);
}

/* --- tags chosen to be slow ------------------------------------------------------------------- */

#define MANY  4096
#define STEPS 16 /* of a chain, however the values were chosen */

static size_t longest_chain(const sse_log *log, int tag)
{
    size_t longest = 0;

    for (size_t i = 0; i < log->index[tag].cap; i++) {
        size_t len = 0;

        for (uint64_t at = log->index[tag].buckets[i]; at; at = sse_log_at(log, at)->chain[tag])
            len++;
        longest = len > longest ? len : longest;
    }
    return longest;
}

static unsigned colliding[MANY + MANY / 2];

/* Finds the numbers n whose text "vn" FNV-1a, a hash without a seed, puts into bucket 0 of MANY.
 * The hash of all digits but the last one is computed once for ten numbers. */
static void find_colliding(void)
{
    const uint64_t prime = 1099511628211u;
    char out[16];

    for (unsigned tens = 1, found = 0; found < MANY + MANY / 2; tens++) {
        uint64_t head = 14695981039346656037u;
        int len = snprintf(out, sizeof out, "v%u", tens);

        for (int i = 0; i < len; i++)
            head = (head ^ (unsigned char)out[i]) * prime;
        for (unsigned digit = 0; digit < 10 && found < MANY + MANY / 2; digit++) {
            uint64_t h = (head ^ ('0' + digit)) * prime;

            if (((h ^ (h >> 32)) & (MANY - 1)) == 0)
                colliding[found++] = 10 * tens + digit;
        }
    }
}

static void chains_are_short(int tag, bool one_value)
{
    const sse_log_limits all = { .max_count = MANY, .max_bytes = UINT64_MAX };
    sse_slice tags[SSE_LOG_TAGS] = { { 0 } };
    sse_frame *frame = sse_frame_new(SSE_SLICE("data: x\n\n"));
    sse_log log;
    char out[16];

    sse_log_init(&log, &all, EPOCH, &seed);
    for (int i = 0; i < MANY + MANY / 2; i++) {
        int len = snprintf(out, sizeof out, "v%u", colliding[i]);

        tags[tag] = one_value ? SSE_SLICE("same") : (sse_slice){ out, (size_t)len };
        CHECK(frame && sse_log_append(&log, frame, 0, tags, 1) == SSE_OK);
    }
    CHECK(longest_chain(&log, tag) <= (one_value ? 1 : STEPS));
    CHECK(sse_log_find(&log, tag, tags[tag]) == log.next - 1);
    sse_log_clear(&log);
    CHECK(longest_chain(&log, tag) == 0 && log.index[tag].count == 0);
    sse_log_free(&log);
    sse_frame_unref(frame);
}

/* A window: what was before is gone, positions go on elsewhere, and any size is taken. */
static void check_restart(void)
{
    const sse_log_limits few = { .max_count = 2, .max_bytes = 10 };
    const sse_slice tags[SSE_LOG_TAGS] = { SSE_SLICE("own") };
    sse_frame *frame = sse_frame_new(SSE_SLICE("data: x\n\n"));
    sse_log log;
    uint64_t position = 0;

    sse_log_init(&log, &few, EPOCH, &seed);
    CHECK(frame && sse_log_append(&log, frame, 0, tags, 1) == SSE_ETOOBIG);
    sse_log_restart(&log, "other", 7);
    CHECK(log.first == 7 && log.next == 7);
    CHECK(sse_log_overtook(&log, 6) && !sse_log_overtook(&log, 7));
    CHECK(sse_log_append(&log, frame, 0, tags, 1) == SSE_OK && log.next == 8);
    CHECK(sse_log_find(&log, SSE_LOG_ID, tags[SSE_LOG_ID]) == 7);
    CHECK(sse_log_append(&log, frame, 0, tags, 2) == SSE_OK && log.next == 9);
    CHECK(log.first == 8 && sse_log_trims_to(&log, 2) == 9);
    CHECK(sse_log_read_id(&log, SSE_SLICE("other-8"), &position) && position == 8);
    CHECK(!sse_log_read_id(&log, SSE_SLICE(EPOCH "-8"), &position));
    sse_log_restart(&log, EPOCH, 3);
    CHECK(log.next == 3 && sse_log_find(&log, SSE_LOG_ID, tags[SSE_LOG_ID]) == 0);
    sse_log_free(&log);
    sse_frame_unref(frame);
}

/* Values of SipHash-1-3 that other implementations give for a seed of zeros. */
static void check_hash(void)
{
    static const sse_hash_seed zeros = { { 0, 0 } };

    CHECK(sse_hash(&zeros, SSE_SLICE("")) == 0xd1fba762150c532c);
    CHECK(sse_hash(&zeros, SSE_SLICE("siphash")) == 0x8264ceeccb16bcbe);
    CHECK(sse_hash(&zeros, SSE_SLICE("digest-sip_hash")) == 0xce31007e34130c0a);
    CHECK(sse_hash(&seed, SSE_SLICE("news")) != sse_hash(&zeros, SSE_SLICE("news")));
}

int main(void)
{
    check_hash();
    find_colliding();
    check_restart();
    for (int tag = 0; tag < SSE_LOG_TAGS; tag++) {
        chains_are_short(tag, false);
        chains_are_short(tag, true);
    }
    for (run = 0; run < RUNS; run++)
        one_run();
    printf("log            %d runs of random events, as the model has it\n", RUNS);
    return 0;
}
