/* encoder_fuzz.c: what the encoder writes, the parser reads back, split at any byte; the encoder
 * refuses only what the format cannot express. Input: flags, lengths of type and id, then the bytes
 * of type, id and data. */
#include <stdlib.h>
#include <string.h>

#include "../csrc/wire/encoder.h"
#include "../csrc/wire/error.h"
#include "../csrc/wire/frame.h"
#include "../csrc/wire/parser.h"

enum { HAS_TYPE = 1, HAS_ID = 2, HAS_DATA = 4, HAS_RETRY = 8, IS_COMMENT = 16 };

#define LONGEST 400 /* bytes of an input */

typedef struct seen {
    int events, retries, comments;
    int64_t retry;
    sse_buffer data, type, id, text;
} seen;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition)
        abort();
}

static void set(sse_buffer *b, sse_slice s)
{
    b->len = 0;
    must(sse_buffer_append(b, s.at, s.len) == SSE_OK);
}

static bool same(sse_slice a, sse_slice b)
{
    return a.len == b.len && (a.len == 0 || !memcmp(a.at, b.at, a.len));
}

static void on_event(void *user, const sse_event *event)
{
    seen *s = user;

    s->events++;
    set(&s->data, event->data);
    set(&s->type, event->type);
    set(&s->id, event->id);
}

static void on_retry(void *user, int64_t ms)
{
    seen *s = user;

    s->retries++;
    s->retry = ms;
}

static void on_comment(void *user, sse_slice text)
{
    seen *s = user;

    if (s->comments++ > 0)
        must(sse_buffer_append(&s->text, "\n", 1) == SSE_OK);
    must(text.len == 0 || text.at[0] == ' '); /* the encoder writes it after the colon */
    if (text.len > 0)
        must(sse_buffer_append(&s->text, text.at + 1, text.len - 1) == SSE_OK);
}

/* Turns CRLF and CR into LF, since the format cannot tell them apart. */
static void normalise(sse_buffer *out, sse_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool cr = text.at[i] == '\r';

        if (cr && i + 1 < text.len && text.at[i + 1] == '\n')
            i++;
        must(sse_buffer_append(out, cr ? "\n" : text.at + i, 1) == SSE_OK);
    }
}

static void parse_split(const sse_buffer *bytes, size_t split, seen *s)
{
    const sse_parser_callbacks callbacks = { .on_event = on_event,
                                             .on_retry = on_retry,
                                             .on_comment = on_comment };
    const sse_parser_options options = { .raw = true };
    sse_parser *parser = NULL;

    must(sse_parser_new(&parser, &options, &callbacks, s) == SSE_OK);
    must(sse_parser_feed(parser, bytes->data, split) == SSE_OK);
    must(sse_parser_feed(parser, bytes->data + split, bytes->len - split) == SSE_OK);
    if (s->events == 0)
        set(&s->id, sse_parser_last_id(parser));
    sse_parser_free(parser);
}

static void check(const seen *s, const sse_event *event, sse_slice comment, sse_slice text)
{
    sse_slice type = event->type.len ? event->type : SSE_SLICE("message");

    must(s->events == (!comment.at && event->data.at ? 1 : 0));
    must(s->retries == (!comment.at && event->retry >= 0 ? 1 : 0));
    must((s->comments > 0) == (comment.at != NULL));
    if (comment.at) {
        must(same(sse_buffer_slice(&s->text), text));
        return;
    }
    must(same(sse_buffer_slice(&s->id), event->id));
    if (s->retries)
        must(s->retry == event->retry);
    if (s->events)
        must(same(sse_buffer_slice(&s->type), type) && same(sse_buffer_slice(&s->data), text));
}

static bool has_breaks(sse_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == '\r' || s.at[i] == '\n' || s.at[i] == 0)
            return true;
    return false;
}

static void check_round_trips(const sse_buffer *bytes, const sse_event *event, sse_slice comment)
{
    sse_buffer text;

    sse_buffer_init(&text, SIZE_MAX);
    normalise(&text, comment.at ? comment : event->data);
    for (size_t split = 0; split <= bytes->len; split++) {
        seen s = { 0 };

        sse_buffer_init(&s.data, SIZE_MAX);
        sse_buffer_init(&s.type, SIZE_MAX);
        sse_buffer_init(&s.id, SIZE_MAX);
        sse_buffer_init(&s.text, SIZE_MAX);
        parse_split(bytes, split, &s);
        check(&s, event, comment, sse_buffer_slice(&text));
        sse_buffer_free(&s.data);
        sse_buffer_free(&s.type);
        sse_buffer_free(&s.id);
        sse_buffer_free(&s.text);
    }
    sse_buffer_free(&text);
}

/* A frame made of the event has the same bytes as payload, and as a chunk of HTTP/1.1. */
static void check_frame(const sse_event *event, const sse_buffer *bytes)
{
    sse_frame *frame = NULL;
    sse_slice chunk = { 0 };

    must(sse_frame_event(event, bytes->len, &frame, NULL) == SSE_OK);
    must(same(sse_frame_payload(frame), sse_buffer_slice(bytes)));
    chunk = sse_frame_chunk(frame);
    must(strtoul(chunk.at, NULL, 16) == bytes->len);
    must(!memcmp(chunk.at + chunk.len - 2, "\r\n", 2));
    sse_frame_unref(frame);
    must(sse_frame_event(event, bytes->len - 1, &frame, NULL) == SSE_ETOOBIG);
}

static sse_slice take(const uint8_t **data, size_t *size, size_t len, bool present)
{
    sse_slice s = { (const char *)*data, len < *size ? len : *size };

    if (!present)
        return (sse_slice){ 0 };
    *data += s.len;
    *size -= s.len;
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sse_event event = { .retry = SSE_NO_RETRY };
    sse_slice comment = { 0 };
    sse_buffer out;
    int flags = 0, code = SSE_OK;
    size_t type_len = 0, id_len = 0;
    const char *field = NULL;

    if (size < 3 || size > LONGEST)
        return 0;
    flags = data[0];
    type_len = data[1] % 32;
    id_len = data[2] % 32;
    data += 3;
    size -= 3;
    event.type = take(&data, &size, type_len, flags & HAS_TYPE);
    event.id = take(&data, &size, id_len, flags & HAS_ID);
    event.data = take(&data, &size, size, flags & HAS_DATA);
    if (flags & HAS_RETRY)
        event.retry = (int64_t)type_len << id_len;
    if (flags & IS_COMMENT)
        comment = event.data.at ? event.data : SSE_SLICE("");
    sse_buffer_init(&out, SIZE_MAX);
    code = comment.at ? sse_encode_comment(&out, comment) : sse_encode_event(&out, &event, &field);
    if (code) {
        must(code == SSE_EINVAL && out.len == 0 && field);
        must(has_breaks(strcmp(field, "event") ? event.id : event.type));
    } else {
        must(comment.at || (!has_breaks(event.type) && !has_breaks(event.id)));
        check_round_trips(&out, &event, comment);
        if (!comment.at)
            check_frame(&event, &out);
    }
    sse_buffer_free(&out);
    return 0;
}
