/* parser_fuzz.c: the parser reports the same as a naive parser, which is written straight from the
 * standards (HTML 9.2.6 and the Encoding Standard's UTF-8 decoder), for any bytes in any pieces.
 * With CHAOS, nothing is compared, but callbacks feed, reset, stop and free the parser. Input:
 * flags, 4 bytes of seed, the stream. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../csrc/wire/buffer.h"
#include "../csrc/wire/error.h"
#include "../csrc/wire/parser.h"

enum { RAW = 1, LIMITED = 2, CHAOS = 4, BYTES = 8, WHOLE = 16, ONLY_EVENTS = 32 };

#define LIMIT 24 /* max_event_size with LIMITED */

typedef struct run {
    sse_parser *parser;
    sse_buffer trace;
    uint32_t seed;
    int flags;
    bool freed;
} run;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void put(sse_buffer *b, const char *bytes, size_t len)
{
    must(sse_buffer_append(b, bytes, len) == SSE_OK);
}

/* Adds kind, length and bytes, so that different reports never give the same trace. */
static void note(sse_buffer *trace, char kind, sse_slice s)
{
    char head[32];

    put(trace, head, (size_t)snprintf(head, sizeof head, "%c%zu:", kind, s.len));
    put(trace, s.at, s.len);
}

static void note_number(sse_buffer *trace, char kind, int64_t n)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", (long long)n);
    note(trace, kind, (sse_slice){ text, strlen(text) });
}

static uint32_t random_below(uint32_t *seed, uint32_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

/* --- the naive parser ------------------------------------------------------------------------- */

/* The Encoding Standard's UTF-8 decoder, byte by byte, with the standard's names. */
static void decode(sse_buffer *out, const uint8_t *bytes, size_t len)
{
    unsigned needed = 0, seen = 0, lower = 0x80, upper = 0xBF;
    size_t start = 0;

    for (size_t i = 0; i <= len; i++) {
        unsigned byte = i < len ? bytes[i] : 0;

        if (needed) {
            if (i == len || byte < lower || byte > upper) {
                put(out, "\xEF\xBF\xBD", 3);
                needed = seen = 0;
                lower = 0x80;
                upper = 0xBF;
                i--; /* the byte is read again */
                continue;
            }
            lower = 0x80;
            upper = 0xBF;
            if (++seen == needed) {
                put(out, (const char *)bytes + start, needed + 1);
                needed = seen = 0;
            }
            continue;
        }
        if (i == len)
            break;
        start = i;
        if (byte <= 0x7F)
            put(out, (const char *)bytes + i, 1);
        else if (byte >= 0xC2 && byte <= 0xDF)
            needed = 1;
        else if (byte >= 0xE0 && byte <= 0xEF) {
            lower = byte == 0xE0 ? 0xA0 : 0x80;
            upper = byte == 0xED ? 0x9F : 0xBF;
            needed = 2;
        } else if (byte >= 0xF0 && byte <= 0xF4) {
            lower = byte == 0xF0 ? 0x90 : 0x80;
            upper = byte == 0xF4 ? 0x8F : 0xBF;
            needed = 3;
        } else
            put(out, "\xEF\xBF\xBD", 3);
    }
}

typedef struct naive {
    sse_buffer data, type, id, last;
    bool has_id;
    int flags;
    sse_buffer *trace;
} naive;

static void set(sse_buffer *b, sse_slice s)
{
    b->len = 0;
    put(b, s.at, s.len);
}

static void naive_dispatch(naive *n)
{
    sse_slice id = sse_buffer_slice(&n->id), last = sse_buffer_slice(&n->last);

    if (n->has_id && (id.len != last.len || memcmp(id.at, last.at, id.len))) {
        set(&n->last, id);
        if (!(n->flags & ONLY_EVENTS))
            note(n->trace, 'i', sse_buffer_slice(&n->last));
    }
    n->has_id = false;
    if (n->data.len > 0) {
        n->data.len--; /* without the LF at its end */
        note(n->trace, 't', n->type.len ? sse_buffer_slice(&n->type) : SSE_SLICE("message"));
        note(n->trace, 'l', sse_buffer_slice(&n->last));
        note(n->trace, 'd', sse_buffer_slice(&n->data));
    }
    n->data.len = n->type.len = 0;
}

static void naive_retry(naive *n, sse_slice value)
{
    int64_t ms = 0;

    for (size_t i = 0; i < value.len; i++) {
        if (value.at[i] < '0' || value.at[i] > '9')
            return;
        if (__builtin_mul_overflow(ms, 10, &ms) ||
            __builtin_add_overflow(ms, value.at[i] - '0', &ms))
            ms = INT64_MAX;
        if (ms == INT64_MAX) /* further digits change nothing */
            while (++i < value.len)
                if (value.at[i] < '0' || value.at[i] > '9')
                    return;
    }
    if (value.len > 0 && !(n->flags & ONLY_EVENTS))
        note_number(n->trace, 'r', ms);
}

static bool is_name(sse_slice line, size_t name, const char *text)
{
    return sse_slice_is((sse_slice){ line.at, name }, text);
}

/* Returns false if an event passes the limit. open: the stream ends before the line does. */
static bool naive_line(naive *n, sse_slice line, bool open)
{
    const char *colon = line.len ? memchr(line.at, ':', line.len) : NULL;
    size_t name = colon ? (size_t)(colon - line.at) : line.len;
    size_t skip = colon ? name + 1 : name;
    sse_slice value = { 0 };
    bool comment = colon && name == 0, data = is_name(line, name, "data");
    bool stored = data || is_name(line, name, "event") || is_name(line, name, "id") ||
                  (!(n->flags & ONLY_EVENTS) && (is_name(line, name, "retry") || comment));

    if (!comment && skip < line.len && line.at[skip] == ' ')
        skip++;
    value = (sse_slice){ line.at + skip, line.len - skip };
    /* n->data has an LF after each line; the one after the last does not count */
    if (n->flags & LIMITED && stored && (!open || colon) &&
        (data          ? n->data.len
         : n->data.len ? n->data.len - 1
                       : 0) +
                value.len >
            LIMIT)
        return false;
    if (open)
        return true;
    if (comment && !(n->flags & ONLY_EVENTS))
        note(n->trace, 'c', value);
    if (data) {
        put(&n->data, value.at, value.len);
        put(&n->data, "\n", 1);
    } else if (is_name(line, name, "event"))
        set(&n->type, value);
    else if (is_name(line, name, "id") && !memchr(value.at, 0, value.len)) {
        set(&n->id, value);
        n->has_id = true;
    } else if (is_name(line, name, "retry"))
        naive_retry(n, value);
    return true;
}

/* Returns false if an event passes the limit. */
static bool naive_parse(naive *n, sse_slice s)
{
    size_t start = 0;

    for (size_t i = 0; i < s.len; i++) {
        sse_slice line = { s.at + start, i - start };

        if (s.at[i] != '\r' && s.at[i] != '\n')
            continue;
        if (s.at[i] == '\r' && i + 1 < s.len && s.at[i + 1] == '\n')
            i++;
        start = i + 1;
        if (line.len == 0)
            naive_dispatch(n);
        else if (!naive_line(n, line, false))
            return false;
    }
    return naive_line(n, (sse_slice){ s.at + start, s.len - start }, true);
}

static bool naive_run(int flags, const uint8_t *bytes, size_t len, sse_buffer *trace)
{
    naive n = { .flags = flags, .trace = trace };
    sse_buffer text;
    sse_slice s = { 0 };
    bool passed = false;

    sse_buffer_init(&text, SIZE_MAX);
    sse_buffer_init(&n.data, SIZE_MAX);
    sse_buffer_init(&n.type, SIZE_MAX);
    sse_buffer_init(&n.id, SIZE_MAX);
    sse_buffer_init(&n.last, SIZE_MAX);
    put(&text, "", 0);
    if (flags & RAW)
        put(&text, (const char *)bytes, len);
    else
        decode(&text, bytes, len);
    s = sse_buffer_slice(&text);
    if (s.len >= 3 && !memcmp(s.at, "\xEF\xBB\xBF", 3))
        s = (sse_slice){ s.at + 3, s.len - 3 };
    passed = naive_parse(&n, s);
    sse_buffer_free(&text);
    sse_buffer_free(&n.data);
    sse_buffer_free(&n.type);
    sse_buffer_free(&n.id);
    sse_buffer_free(&n.last);
    return passed;
}

/* --- the parser itself ------------------------------------------------------------------------ */

static void disturb(run *r)
{
    static const char more[] = "\ndata: more\rid: 9\n\ndata";

    if (!(r->flags & CHAOS) || r->freed)
        return;
    switch (random_below(&r->seed, 12)) {
    case 0:
        sse_parser_reset(r->parser);
        break;
    case 1:
        sse_parser_stop(r->parser);
        break;
    case 2:
        sse_parser_feed(r->parser, more, random_below(&r->seed, sizeof more));
        break;
    case 3:
        sse_parser_set_last_id(r->parser, SSE_SLICE("set in a callback"));
        break;
    case 4:
        if (random_below(&r->seed, 8) == 0) {
            sse_parser_free(r->parser);
            r->freed = true;
        }
        break;
    default:
        break;
    }
}

static void on_event(void *user, const sse_event *event)
{
    run *r = user;

    must(!r->freed && event->data.at && event->type.at && event->id.at);
    note(&r->trace, 't', event->type);
    note(&r->trace, 'l', event->id);
    note(&r->trace, 'd', event->data);
    disturb(r);
}

static void on_retry(void *user, int64_t ms)
{
    run *r = user;

    must(!r->freed);
    note_number(&r->trace, 'r', ms);
    disturb(r);
}

static void on_comment(void *user, sse_slice text)
{
    run *r = user;

    must(!r->freed);
    note(&r->trace, 'c', text);
    disturb(r);
}

static void on_id(void *user, sse_slice id)
{
    run *r = user;

    must(!r->freed);
    note(&r->trace, 'i', id);
    disturb(r);
}

static int feed_piece(run *r, const uint8_t *bytes, size_t len)
{
    char *copy = malloc(len ? len : 1); /* of its exact size: the sanitizer sees a read past it */
    int code = SSE_OK;

    must(copy != NULL);
    memcpy(copy, bytes, len);
    code = sse_parser_feed(r->parser, copy, len);
    free(copy);
    return code;
}

static int feed_all(run *r, const uint8_t *bytes, size_t len)
{
    int code = SSE_OK;

    for (size_t at = 0, piece = 0; !r->freed && at < len; at += piece) {
        piece = r->flags & WHOLE ? len : r->flags & BYTES ? 1 : random_below(&r->seed, 80);
        if (piece > len - at)
            piece = len - at;
        code = feed_piece(r, bytes + at, piece);
        if (r->flags & CHAOS && code && !r->freed && random_below(&r->seed, 2))
            sse_parser_reset(r->parser);
        else if (code)
            break;
        if (r->flags & BYTES && piece == 0)
            break;
    }
    return code;
}

/* Takes the end of the stream, as the client does. */
static void end_stream(sse_parser *parser)
{
    sse_item item = { 0 };
    sse_slice text = { 0 };

    if (sse_parser_begin_end(parser) == SSE_OK)
        while (sse_parser_next(parser, &item) > 0)
            must(item.event.data.at != NULL || item.text.at != NULL);
    sse_parser_ignored(parser, &text);
    must(text.len <= 1024);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run r = { .flags = size ? data[0] : 0 };
    sse_parser_callbacks callbacks = { on_event, on_retry, on_comment, on_id };
    sse_parser_options options = { 0 };
    sse_buffer expected;
    bool passed = false;
    int code = SSE_OK;

    if (size < 5)
        return 0;
    memcpy(&r.seed, data + 1, 4);
    if (r.flags & LIMITED)
        r.flags |= RAW; /* replacing invalid UTF-8 would change lengths */
    if (r.flags & ONLY_EVENTS)
        callbacks = (sse_parser_callbacks){ .on_event = on_event };
    options.raw = r.flags & RAW;
    options.keep_ignored = true;
    options.max_event_size = r.flags & LIMITED ? LIMIT : 0;
    sse_buffer_init(&r.trace, SIZE_MAX);
    sse_buffer_init(&expected, SIZE_MAX);
    must(sse_parser_new(&r.parser, &options, &callbacks, &r) == SSE_OK);
    code = feed_all(&r, data + 5, size - 5);
    if (!(r.flags & CHAOS)) {
        passed = naive_run(r.flags, data + 5, size - 5, &expected);
        must(code == (passed ? SSE_OK : SSE_ETOOBIG));
        must(r.trace.len == expected.len);
        must(r.trace.len == 0 || !memcmp(r.trace.data, expected.data, expected.len));
    }
    if (!r.freed) {
        end_stream(r.parser);
        sse_parser_free(r.parser);
    }
    sse_buffer_free(&r.trace);
    sse_buffer_free(&expected);
    return 0;
}
