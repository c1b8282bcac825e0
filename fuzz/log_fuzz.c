/* log_fuzz.c: a log finds a place for any Last-Event-ID, of one channel or of several, and finds
 * its own ids again. Input: number of events published, most events held, then the id. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../csrc/wire/error.h"
#include "../csrc/wire/gap.h"
#include "../csrc/wire/log.h"
#include "../csrc/wire/parser.h"
#include "../csrc/wire/position.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const sse_hash_seed seed = { { 1, 2 } };

static void must(bool condition)
{
    if (!condition)
        abort();
}

/* Every third event has an id of its own, every fifth a key. */
static void publish(sse_log *log, int n)
{
    char id[16], key[16];
    int id_len = snprintf(id, sizeof id, "own%d", n);
    int key_len = snprintf(key, sizeof key, "k%d", n % 2);
    sse_slice tags[SSE_LOG_TAGS] = { { id, n % 3 ? 0 : (size_t)id_len },
                                     { key, n % 5 ? 0 : (size_t)key_len } };
    sse_frame *frame = sse_frame_new(SSE_SLICE("data: x\n\n"));

    must(frame && sse_log_append(log, frame, 0, tags, (uint64_t)n) == SSE_OK);
    sse_frame_unref(frame);
}

static void check_locate(const sse_log *log, sse_slice id)
{
    uint64_t next = 0;
    sse_log_place place = sse_log_locate(log, id, &next);

    must(next >= log->first && next <= log->next);
    must(place != SSE_LOG_FUTURE || next == log->next);
    must((place != SSE_LOG_EXPIRED && place != SSE_LOG_UNKNOWN) || next == log->first);
    must(place != SSE_LOG_FUTURE || sse_log_is_position(log, id));
    must(place != SSE_LOG_FOUND || !sse_log_missed(log, next) || next == log->first);
}

static void check_own_ids(const sse_log *log)
{
    char id[SSE_MAX_ID];

    for (uint64_t at = log->first > 1 ? log->first - 1 : 0; at < log->next; at++) {
        sse_slice s = { id, sse_log_id(log, at, id) };
        uint64_t next = 0;

        must(sse_log_locate(log, s, &next) == SSE_LOG_FOUND && next == at + 1);
    }
}

/* A gap event that quotes the id is one event with one line of data and no id. */
static void check_gap(sse_slice id)
{
    sse_frame *frame = NULL;
    sse_slice payload;
    int lines = 0;

    must(sse_gap_frame(SSE_SLICE("sse-gap"), id, "unknown", id, &frame) == SSE_OK);
    payload = sse_frame_payload(frame);
    for (size_t i = 0; i < payload.len; i++) {
        must(payload.at[i] != '\r' && payload.at[i] != '\0');
        lines += payload.at[i] == '\n';
    }
    must(lines == 3); /* event, data, and the blank one */
    sse_frame_unref(frame);
}

/* Ids that have a part for each of several channels. */
static void check_parts(const sse_log *log, sse_slice id)
{
    char tag[SSE_MAX_TAG];
    sse_slice part;
    sse_buffer whole;
    size_t at = 0;

    sse_position_tag(id, tag);
    must(strlen(tag) == SSE_MAX_TAG - 1);
    part = sse_position_part(id, tag, &at);
    must(!part.at || (part.at >= id.at && part.at + part.len <= id.at + id.len));
    if (id.len >= SSE_MAX_TAG - 1) {
        memcpy(tag, id.at, SSE_MAX_TAG - 1);
        part = sse_position_part(id, tag, &at);
        must((part.at != NULL) >= sse_position_is(id)); /* a well-formed id begins with its first
                                                           part's tag */
    }
    sse_buffer_init(&whole, SIZE_MAX);
    must(sse_position_append(&whole, "1234567", log, log->first) == SSE_OK);
    must(sse_buffer_append(&whole, ",", 1) == SSE_OK);
    must(sse_position_append(&whole, "abcdefg", log, log->next) == SSE_OK);
    must(sse_position_is(sse_buffer_slice(&whole)));
    at = 0;
    part = sse_position_part(sse_buffer_slice(&whole), "abcdefg", &at);
    must(part.at && sse_log_is_position(log, part));
    must(sse_buffer_append(&whole, id.at, id.len) == SSE_OK);
    sse_position_is(sse_buffer_slice(&whole));
    at = 0;
    sse_position_part(sse_buffer_slice(&whole), tag, &at);
    sse_buffer_free(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sse_log_limits limits = { .max_bytes = SIZE_MAX };
    sse_log log;
    char *bytes = NULL;
    sse_slice id;

    if (size < 2)
        return 0;
    limits.max_count = data[1] % 32;
    id.len = size - 2;
    id.at = bytes = malloc(id.len + (id.len == 0)); /* of its exact size: the sanitizer sees a read
                                                       past it */
    must(bytes != NULL);
    memcpy(bytes, data + 2, id.len);
    sse_log_init(&log, &limits, "ep", &seed);
    for (int n = 0; n < data[0] % 64; n++)
        publish(&log, n);
    check_locate(&log, id);
    check_own_ids(&log);
    check_gap(id);
    check_parts(&log, id);
    sse_log_free(&log);
    free(bytes);
    return 0;
}
