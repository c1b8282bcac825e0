/* failing_malloc.c: csrc/wire while the n-th allocation fails, for every n: functions return the
 * right code, leak nothing, leave nothing half done, and work again afterwards. */
#include "failing_state.h"

#include <string.h>
#include <zlib.h>

#include "../../csrc/wire/coding.h"
#include "../../csrc/wire/deflater.h"
#include "../../csrc/wire/encoder.h"
#include "../../csrc/wire/error.h"
#include "../../csrc/wire/frame.h"
#include "../../csrc/wire/gap.h"
#include "../../csrc/wire/json_writer.h"
#include "../../csrc/wire/log.h"
#include "../../csrc/wire/parser.h"
#include "../../csrc/wire/position.h"
#include "../../csrc/wire/url.h"
#include "../../csrc/wire/utf8.h"

/* --- parsing ---------------------------------------------------------------------------------- */

#define LONG_LINE \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890" \
    "123456789012345678901234567890123456789012345678901234567890123456789"

static const char stream[] = "\xEF\xBB\xBFid: 1\nevent: tick\ndata: one\ndata: two\n\n"
                             ": a comment with \xFF in it\nretry: 20\n"
                             "data: " LONG_LINE "\xE6\xBC\ndata:" LONG_LINE LONG_LINE "\xC3\n\n"
                             "id: " LONG_LINE "\xFF\r\nevent: " LONG_LINE "\xFF\r\ndata\r\n\r\n"
                             "data: last\n\nerror: " LONG_LINE "\nerror: " LONG_LINE;

typedef struct trace {
    sse_parser *parser;
    char text[4096];
    size_t len;
    bool nested; /* the first event feeds the parser */
} trace;

static void note(trace *t, const char *what, sse_slice s)
{
    size_t room = sizeof t->text - t->len;
    int len = snprintf(t->text + t->len, room, "%s=%.*s;", what, (int)s.len, s.at);

    CHECK(len > 0 && (size_t)len < room);
    t->len += (size_t)len;
}

static void on_event(void *user, const sse_event *event)
{
    trace *t = user;

    note(t, "type", event->type);
    note(t, "id", event->id);
    note(t, "data", event->data);
    if (t->nested) {
        int code = SSE_OK;

        t->nested = false;
        code = sse_parser_feed(t->parser, "data: nested\n\n", 14);
        CHECK(code == SSE_OK || code == SSE_ENOMEM);
    }
}

static void on_retry(void *user, int64_t ms)
{
    char text[32];

    snprintf(text, sizeof text, "%lld", (long long)ms);
    note(user, "retry", (sse_slice){ text, strlen(text) });
}

static void on_comment(void *user, sse_slice text)
{
    note(user, "comment", text);
}

static void on_id(void *user, sse_slice id)
{
    note(user, "changed", id);
}

static int feed_pieces(sse_parser *parser, size_t size)
{
    size_t len = sizeof stream - 1;
    int code = SSE_OK;

    for (size_t at = 0; !code && at < len; at += size)
        code = sse_parser_feed(parser, stream + at, len - at < size ? len - at : size);
    return code;
}

/* Parses the stream in pieces of `size` bytes, once without failures and once with them. A failure
 * may cut short what the parser reports, but never change it. */
static void parse_in(size_t size, bool nested)
{
    const sse_parser_callbacks callbacks = { on_event, on_retry, on_comment, on_id };
    const sse_parser_options options = { .keep_ignored = true };
    static trace whole, t;
    sse_slice ignored = { 0 };
    long failing = until_failure;
    sse_parser *parser = NULL;
    int code = SSE_OK;

    until_failure = -1;
    whole = (trace){ .nested = nested };
    CHECK(sse_parser_new(&whole.parser, &options, &callbacks, &whole) == SSE_OK);
    CHECK(feed_pieces(whole.parser, size) == SSE_OK);
    sse_parser_free(whole.parser);

    until_failure = failing;
    t = (trace){ .nested = nested };
    code = sse_parser_new(&parser, &options, &callbacks, &t);
    CHECK(code == (failed ? SSE_ENOMEM : SSE_OK));
    if (code)
        return;
    t.parser = parser;
    code = feed_pieces(parser, size);
    CHECK(code == (failed ? SSE_ENOMEM : SSE_OK));
    CHECK(!memcmp(t.text, whole.text, t.len) && (failed || t.len == whole.len));
    until_failure = -1;
    CHECK(sse_parser_feed(parser, "", 0) == code);
    sse_parser_reset(parser);
    CHECK(sse_parser_set_last_id(parser, SSE_SLICE("")) == SSE_OK);
    t.len = 0;
    t.nested = nested;
    CHECK(feed_pieces(parser, size) == SSE_OK);
    CHECK(t.len == whole.len && !memcmp(t.text, whole.text, t.len));
    CHECK(sse_parser_ignored(parser, &ignored) == 1 && ignored.len > 0);
    sse_parser_free(parser);
}

static void parse_whole(void)
{
    parse_in(sizeof stream, false);
}

static void parse_bytes(void)
{
    parse_in(1, false);
}

static void parse_sevens(void)
{
    parse_in(7, false);
}

static void parse_nested(void)
{
    parse_in(100, true);
}

static void set_last_id(void)
{
    sse_parser *parser = NULL;
    int code = sse_parser_new(&parser, NULL, NULL, NULL);

    CHECK(code == (failed ? SSE_ENOMEM : SSE_OK));
    if (code)
        return;
    code = sse_parser_set_last_id(parser, SSE_SLICE("first"));
    CHECK(code == (failed ? SSE_ENOMEM : SSE_OK));
    CHECK(sse_slice_is(sse_parser_last_id(parser), code ? "" : "first"));
    if (!code) {
        code = sse_parser_set_last_id(parser, SSE_SLICE("second"));
        CHECK(code == (failed ? SSE_ENOMEM : SSE_OK));
        CHECK(sse_slice_is(sse_parser_last_id(parser), code ? "first" : "second"));
    }
    sse_parser_free(parser);
}

/* --- encoding --------------------------------------------------------------------------------- */

static const sse_event sample = {
    .type = { "tick", 4 },
    .id = { LONG_LINE, sizeof LONG_LINE - 1 },
    .data = { LONG_LINE "\n" LONG_LINE "\r\n\r" LONG_LINE, 3 * (sizeof LONG_LINE - 1) + 4 },
    .retry = 5,
};

static void encode(void)
{
    sse_buffer out;
    int code = SSE_OK;
    size_t before = 0;

    sse_buffer_init(&out, SIZE_MAX);
    for (int i = 0; i < 4; i++) {
        before = out.len;
        code =
            i % 2 ? sse_encode_comment(&out, sample.data) : sse_encode_event(&out, &sample, NULL);
        CHECK(code == (failed ? SSE_ENOMEM : SSE_OK));
        CHECK(code ? out.len == before : out.len > before);
        if (code)
            break;
    }
    sse_buffer_free(&out);
}

static void frames(void)
{
    sse_frame *event = NULL, *bytes = NULL, *raw = NULL;
    int code = sse_frame_event(&sample, SIZE_MAX, &event, NULL);

    CHECK(code == (failed ? SSE_ENOMEM : SSE_OK) && (code != SSE_OK) == !event);
    bytes = sse_frame_new(SSE_SLICE("payload"));
    CHECK(bytes ? sse_slice_is(sse_frame_chunk(bytes), "7\r\npayload\r\n") : failed);
    raw = sse_frame_raw(SSE_SLICE(""));
    CHECK(raw ? sse_frame_chunk(raw).len == 0 : failed);
    if (bytes)
        sse_frame_unref(sse_frame_ref(bytes));
    sse_frame_unref(event);
    sse_frame_unref(bytes);
    sse_frame_unref(raw);
}

/* --- deflating -------------------------------------------------------------------------------- */

/* Blocks between a coding's head and end decompress to `plain`. */
static void check_body(sse_coding coding, const sse_sum *sum, sse_frame *const *blocks, size_t n,
                       const char *plain)
{
    unsigned char in[4096], out[4096];
    z_stream z = { .next_out = out, .avail_out = sizeof out };
    sse_sum begun;
    size_t len = sse_coding_head(coding, &begun, (char *)in);

    for (size_t i = 0; i < n; i++) {
        memcpy(in + len, sse_frame_payload(blocks[i]).at, blocks[i]->payload);
        len += blocks[i]->payload;
    }
    len += sse_coding_end(coding, sum, (char *)in + len);
    z.next_in = in;
    z.avail_in = (uInt)len;
    CHECK(inflateInit2(&z, 15 + 32) == Z_OK);
    CHECK(inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_in == 0);
    CHECK(z.total_out == strlen(plain) && !memcmp(out, plain, strlen(plain)));
    inflateEnd(&z);
}

/* A failure leaves a frame as it was, and the deflated copy that is there. */
static void deflated_copies(void)
{
    static const char text[] = "data: " LONG_LINE "\n\n";
    sse_deflater *d = sse_deflater_new(false);
    sse_frame *frame = sse_frame_new(SSE_SLICE(text));
    int alone = d && frame ? sse_deflater_deflate_frame(d, frame, (sse_slice){ 0 }) : SSE_ENOMEM;
    int linked = d && frame ? sse_deflater_deflate_frame(d, frame, SSE_SLICE(text)) : SSE_ENOMEM;

    CHECK(failed || (!alone && !linked));
    CHECK(alone == SSE_OK || alone == SSE_ENOMEM);
    if (frame)
        CHECK(sse_slice_is(sse_frame_payload(frame), text));
    if (!alone && !linked) {
        sse_frame *const blocks[] = { frame->deflated->standalone, frame->deflated->linked };

        CHECK(blocks[1]->payload < 20 && blocks[1]->payload < blocks[0]->payload);
        for (int coding = SSE_CODING_GZIP; coding <= SSE_CODING_DEFLATE; coding++) {
            char head[SSE_CODING_MAX_EDGE];
            sse_sum sum;

            sse_coding_head((sse_coding)coding, &sum, head);
            sse_sum_add_deflated(&sum, (sse_coding)coding, frame->deflated, frame->payload);
            sse_sum_add_plain(&sum, (sse_coding)coding, sse_frame_payload(frame));
            check_body((sse_coding)coding, &sum, blocks, 2,
                       "data: " LONG_LINE "\n\n"
                       "data: " LONG_LINE "\n\n");
        }
        CHECK(sse_deflater_deflate_frame(d, frame, (sse_slice){ 0 }) == SSE_OK);
        CHECK(frame->deflated->standalone == blocks[0]);
        sse_frame_drop_deflated(frame);
        CHECK(!frame->deflated);
    }
    sse_frame_unref(frame);
    sse_deflater_free(d);
}

static void windows(void)
{
    static const char text[] = "data: " LONG_LINE "\n\n";
    sse_deflater *d = sse_deflater_new(true);
    sse_frame *blocks[3] = { 0 };
    size_t n = 0;

    while (d && n < 3 && sse_deflater_deflate_next(d, SSE_SLICE(text), &blocks[n]) == SSE_OK)
        n++;
    CHECK(failed || n == 3);
    if (n == 3) {
        char head[SSE_CODING_MAX_EDGE];
        sse_sum sum;

        CHECK(blocks[2]->payload < 20);
        sse_coding_head(SSE_CODING_GZIP, &sum, head);
        for (int i = 0; i < 3; i++)
            sse_sum_add_plain(&sum, SSE_CODING_GZIP, SSE_SLICE(text));
        check_body(SSE_CODING_GZIP, &sum, blocks, 3,
                   "data: " LONG_LINE "\n\n"
                   "data: " LONG_LINE "\n\n"
                   "data: " LONG_LINE "\n\n");
    }
    for (size_t i = 0; i < n; i++)
        sse_frame_unref(blocks[i]);
    sse_deflater_free(d);
}

/* --- logs ------------------------------------------------------------------------------------- */

/* Appends an event; an append that fails changes nothing. */
static void append(sse_log *log, int n)
{
    char id[16], key[16];
    sse_slice tags[SSE_LOG_TAGS] = { { id, (size_t)snprintf(id, sizeof id, "id %d", n) },
                                     { key, (size_t)snprintf(key, sizeof key, "key %d", n % 7) } };
    sse_frame *frame = sse_frame_new(SSE_SLICE("data: x\n\n"));
    uint64_t before = log->next, first = log->first, total = log->total;
    int code = frame ? sse_log_append(log, frame, 0, tags, 1) : SSE_ENOMEM;

    CHECK(code == SSE_OK || (failed && code == SSE_ENOMEM));
    if (code) {
        CHECK(log->next == before && log->first == first && log->total == total);
        CHECK(sse_log_find(log, SSE_LOG_ID, tags[SSE_LOG_ID]) == 0);
    } else {
        CHECK(sse_log_find(log, SSE_LOG_ID, tags[SSE_LOG_ID]) == before);
        CHECK(sse_log_find(log, SSE_LOG_KEY, tags[SSE_LOG_KEY]) == before);
    }
    CHECK(!frame || frame->refs == (code ? 1 : 2));
    sse_frame_unref(frame);
}

static void logs(void)
{
    sse_log_limits limits = { .max_count = 50, .max_bytes = 100000 };
    sse_log log;

    sse_log_init(&log, &limits, "epoch", &(sse_hash_seed){ { 1, 2 } });
    for (int n = 0; n < 120; n++)
        append(&log, n);
    CHECK(log.next - log.first == (one_failure || !failed ? 50 : log.next - log.first));
    sse_log_drop(&log, sse_log_trims_to(&log, 2), SIZE_MAX);
    sse_log_clear(&log);
    sse_log_free(&log);
}

static void gaps(void)
{
    sse_frame *frame = NULL;
    int code = sse_gap_frame(SSE_SLICE("sse-gap"), SSE_SLICE(LONG_LINE "\xFF\"\\\n"), "expired",
                             SSE_SLICE("news"), &frame);

    CHECK(code == (failed ? SSE_ENOMEM : SSE_OK) && (code != SSE_OK) == !frame);
    sse_frame_unref(frame);
}

static void positions(void)
{
    sse_log_limits limits = { .max_count = 1, .max_bytes = 100 };
    sse_buffer id;
    sse_log log;

    sse_log_init(&log, &limits, "epoch", &(sse_hash_seed){ { 1, 2 } });
    sse_buffer_init(&id, SIZE_MAX);
    for (uint64_t n = 0; n < 30; n++) {
        size_t before = id.len;
        int code = sse_position_append(&id, "abcdefg", &log, n);

        CHECK(code == SSE_OK || (failed && code == SSE_ENOMEM));
        CHECK(code ? id.len == before : id.len > before);
        CHECK(code || sse_position_is(sse_buffer_slice(&id)));
        if (code || sse_buffer_append(&id, ",", 1))
            break;
    }
    sse_buffer_free(&id);
    sse_log_free(&log);
}

/* --- buffers ---------------------------------------------------------------------------------- */

static void buffers(void)
{
    sse_buffer b;
    size_t held = 0;

    sse_buffer_init(&b, 100000);
    for (size_t i = 0; i < 500; i++) {
        int code = sse_buffer_append(&b, "0123456789", 10);

        CHECK(code == SSE_OK || (failed && code == SSE_ENOMEM));
        held += code ? 0 : 10;
        CHECK(b.len == held && b.cap >= held);
    }
    CHECK(sse_buffer_reserve(&b, 100000) == (held ? SSE_ETOOBIG : SSE_ENOMEM) || !failed);
    sse_buffer_consume(&b, held > 20 ? held - 20 : 0);
    sse_buffer_trim(&b, 64);
    CHECK(b.len <= 20 && (b.len < 20 || !memcmp(b.data, "01234567890123456789", 20)));
    CHECK(failed || b.cap == 20);
    sse_buffer_consume(&b, b.len);
    sse_buffer_trim(&b, 0);
    CHECK(!b.data && b.cap == 0);
}

static void replacing(void)
{
    sse_buffer b;
    int code = SSE_OK;

    sse_buffer_init(&b, SIZE_MAX);
    code = sse_utf8_replace(&b, SSE_SLICE("a\xFF" LONG_LINE "\xFF" LONG_LINE "\xC3"));
    CHECK(code == (failed ? SSE_ENOMEM : SSE_OK));
    CHECK(b.len == (failed ? 0 : 1 + 2 * (sizeof LONG_LINE - 1) + 9));
    sse_buffer_free(&b);
}

static int to_ascii(const char *domain, sse_buffer *out)
{
    CHECK(!strcmp(domain, "\xC3\xBC"));
    return sse_buffer_append(out, "xn--tda", 7);
}

/* Writes JSON into a buffer that starts empty. What fails writes nothing, and works the next time.
 */
static void json(void)
{
    static const char *const texts[] = { "", "plain", LONG_LINE "\n" LONG_LINE,
                                         "\xFF\xE2\x80\xA8" };
    sse_buffer out;
    int code = SSE_OK;

    sse_buffer_init(&out, SIZE_MAX);
    for (int i = 0; i < 24; i++) {
        sse_slice text = sse_slice_text(texts[i % 4]);
        size_t before = out.len;

        code = i % 6 == 0   ? sse_json_write_string(&out, text)
               : i % 6 == 1 ? sse_json_write_name(&out, text, i < 4)
               : i % 6 == 2 ? sse_json_write_integer(&out, INT64_MIN)
               : i % 6 == 3 ? sse_json_write_double(&out, 0.1)
               : i % 6 == 4 ? sse_json_write_break(&out, SSE_SLICE("    "), 50)
                            : sse_json_write(&out, LONG_LINE, sizeof LONG_LINE - 1);
        CHECK(code == SSE_OK || (code == SSE_ENOMEM && failed));
        CHECK(code ? out.len == before : out.len > before);
    }
    sse_buffer_free(&out);
    sse_buffer_init(&out, 4);
    CHECK(sse_json_write_string(&out, SSE_SLICE("abc")) != SSE_OK && out.len == 0);
    CHECK(sse_json_write_name(&out, SSE_SLICE("ab"), true) != SSE_OK && out.len == 0);
    sse_buffer_free(&out);
}

static void urls(void)
{
    static const char href[] = "http://u:p%40@xn--tda:81/a/b%20c?d#e";
    const char *why = NULL;
    sse_url url;
    int code = sse_url_parse(&url, SSE_SLICE("x/../b c?d#e"), SSE_SLICE("http://u:p@@%C3%BC:81/a/"),
                             to_ascii, &why);

    CHECK(code == (failed ? SSE_ENOMEM : SSE_OK) && (!code || why));
    CHECK(code || sse_slice_is(sse_url_get(&url, SSE_URL_HREF), href));
    CHECK(code || sse_slice_is(sse_url_get(&url, SSE_URL_PASSWORD), "p@"));
    sse_url_free(&url);
}

/* --- all scenarios ---------------------------------------------------------------------------- */

/* Runs a scenario with failure of its first allocation, of its second, and so on until none fails.
 */
static void fail_every_nth(const char *name, void (*run)(void), bool one)
{
    scenario = name;
    one_failure = one;
    for (nth = 0;; nth++) {
        until_failure = nth;
        failed = false;
        live = 0;
        run();
        CHECK(live == 0);
        if (!failed)
            break;
    }
    if (one)
        printf("%-14s %3ld allocations, each failed in turn\n", name, nth);
    if (nth == 0)
        fail(__FILE__, "nothing was allocated", __LINE__);
}

int main(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } scenarios[] = {
        { "parse whole", parse_whole },
        { "parse bytes", parse_bytes },
        { "parse sevens", parse_sevens },
        { "parse nested", parse_nested },
        { "last id", set_last_id },
        { "encode", encode },
        { "frames", frames },
        { "logs", logs },
        { "gaps", gaps },
        { "positions", positions },
        { "twins", deflated_copies },
        { "windows", windows },
        { "buffers", buffers },
        { "replacing", replacing },
        { "json", json },
        { "urls", urls },
    };

    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        fail_every_nth(scenarios[i].name, scenarios[i].run, true);
        fail_every_nth(scenarios[i].name, scenarios[i].run, false);
    }
    return 0;
}
