#include "json_writer.h"

#include "decimal.h"
#include "error.h"
#include "json_scan.h"
#include "utf8.h"

#define ESCAPE 6 /* bytes of the longest escape */

static int reserve(sse_buffer *out, size_t more)
{
    return out->cap - out->len < more ? sse_buffer_reserve(out, more) : SSE_OK;
}

static void put(sse_buffer *out, const char *bytes, size_t len)
{
    memcpy(out->data + out->len, bytes, len);
    out->len += len;
}

static void put_escape(sse_buffer *out, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    static const char special[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
    const char *which = byte ? strchr(special, byte) : NULL;
    char escape[ESCAPE] = { '\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15] };

    if (which)
        escape[1] = letters[which - special];
    put(out, escape, which ? 2 : ESCAPE);
}

/* Returns the first DEL, U+2028 or U+2029 in [at, end), or `end`. */
static const char *find_rare(const char *at, const char *end)
{
    for (; at < end; at++) {
        if (*at == 0x7F)
            return at;
        if (*at == '\xE2' && end - at >= 3 && at[1] == '\x80' &&
            (at[2] == '\xA8' || at[2] == '\xA9'))
            return at;
    }
    return end;
}

/* Writes a run that has no stop of json_scan.h. */
static int put_run(sse_buffer *out, const char *at, const char *end)
{
    while (at < end) {
        const char *rare = find_rare(at, end);
        int code = reserve(out, (size_t)(rare - at) + ESCAPE);

        if (code)
            return code;
        put(out, at, (size_t)(rare - at));
        at = rare;
        if (at == end)
            break;
        if (*at == 0x7F) {
            put(out, "\\u007f", ESCAPE);
            at++;
        } else {
            put(out, at[2] == '\xA8' ? "\\u2028" : "\\u2029", ESCAPE);
            at += 3;
        }
    }
    return SSE_OK;
}

/* Writes UTF-8 without the quotes. */
static int put_text(sse_buffer *out, const char *at, const char *end)
{
    bool non_ascii = false;
    int code = SSE_OK;

    while (!code && at < end) {
        const char *stop = sse_json_plain(at, end, &non_ascii);

        code = put_run(out, at, stop);
        if (!code && stop < end && !(code = reserve(out, ESCAPE)))
            put_escape(out, (unsigned char)*stop);
        at = stop < end ? stop + 1 : end;
    }
    return code;
}

static int put_slowly(sse_buffer *out, sse_slice text)
{
    int code = sse_json_write(out, "\"", 1);

    while (!code && text.len > 0) {
        size_t valid = sse_utf8_valid(text), bad = 0;

        code = put_text(out, text.at, text.at + valid);
        text = (sse_slice){ text.at + valid, text.len - valid };
        if (code || text.len == 0)
            break;
        code = sse_json_write(out, "\xEF\xBF\xBD", 3);
        bad = sse_utf8_broken(text);
        text = (sse_slice){ text.at + bad, text.len - bad };
    }
    return code ? code : sse_json_write(out, "\"", 1);
}

int sse_json_write_string(sse_buffer *out, sse_slice text)
{
    const char *end = text.at + text.len;
    bool non_ascii = false;
    int code = SSE_OK;

    if (text.len > SIZE_MAX / 8)
        return SSE_ETOOBIG;
    if (sse_json_plain(text.at, end, &non_ascii) < end || non_ascii ||
        (text.len > 0 && memchr(text.at, 0x7F, text.len))) {
        size_t before = out->len;

        code = put_slowly(out, text);
        if (code)
            out->len = before;
        return code;
    }
    code = reserve(out, text.len + 2);
    if (code)
        return code;
    out->data[out->len++] = '"';
    put(out, text.at, text.len);
    out->data[out->len++] = '"';
    return SSE_OK;
}

int sse_json_write_integer(sse_buffer *out, int64_t value)
{
    int code = reserve(out, SSE_NUMBER_MAX);

    if (!code)
        out->len += sse_number_write_integer(out->data + out->len, value);
    return code;
}

int sse_json_write_double(sse_buffer *out, double value)
{
    int code = reserve(out, SSE_NUMBER_MAX);

    if (!code)
        out->len += sse_number_write_double(out->data + out->len, value);
    return code;
}

int sse_json_write_break(sse_buffer *out, sse_slice indent, unsigned depth)
{
    int code = indent.len > SIZE_MAX / 2 / SSE_NUMBER_MAX / 1024
                   ? SSE_ETOOBIG
                   : sse_buffer_reserve(out, 1 + indent.len * depth);

    if (code)
        return code;
    out->data[out->len++] = '\n';
    for (unsigned i = 0; i < depth; i++)
        put(out, indent.at, indent.len);
    return SSE_OK;
}
