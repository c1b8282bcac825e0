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

/* The letters of escapes; of other characters that are escaped 'u', of the rest 0. */
static const char letters[128] = {
    ['\b'] = 'b',  ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"',
    ['\\'] = '\\', [0x00] = 'u', [0x01] = 'u', [0x02] = 'u', [0x03] = 'u', [0x04] = 'u',
    [0x05] = 'u',  [0x06] = 'u', [0x07] = 'u', [0x0B] = 'u', [0x0E] = 'u', [0x0F] = 'u',
    [0x10] = 'u',  [0x11] = 'u', [0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',
    [0x16] = 'u',  [0x17] = 'u', [0x18] = 'u', [0x19] = 'u', [0x1A] = 'u', [0x1B] = 'u',
    [0x1C] = 'u',  [0x1D] = 'u', [0x1E] = 'u', [0x1F] = 'u', [0x7F] = 'u',
};

/* Says whether U+2028 or U+2029 is at `at`. */
static bool is_line_end(const char *at, const char *end)
{
    return *at == '\xE2' && end - at >= 3 && at[1] == '\x80' &&
           (at[2] == '\xA8' || at[2] == '\xA9');
}

/* Writes a character, or a byte of one, as it is or escaped; returns what comes after it. There is
 * room for an escape. */
static const char *put_character(sse_buffer *out, const char *at, const char *end)
{
    static const char hex[] = "0123456789abcdef";
    unsigned char byte = (unsigned char)*at;
    char *to = out->data + out->len, letter = 0;

    if (is_line_end(at, end)) {
        put(out, at[2] == '\xA8' ? "\\u2028" : "\\u2029", ESCAPE);
        return at + 3;
    }
    letter = byte < 0x80 ? letters[byte] : 0;
    to[0] = letter ? '\\' : *at;
    to[1] = letter;
    out->len += letter ? 2 : 1;
    if (letter == 'u') {
        memcpy(to + 2, "00", 2);
        to[4] = hex[byte >> 4];
        to[5] = hex[byte & 15];
        out->len += 4;
    }
    return at + 1;
}

/* Writes UTF-8 without the quotes. */
static int put_text(sse_buffer *out, const char *at, const char *end)
{
    while (at < end) {
        int code = reserve(out, (size_t)(end - at) + SSE_JSON_STEP + ESCAPE), plain = 0;

        if (code)
            return code;
        if (end - at >= SSE_JSON_STEP) {
            plain = sse_json_copy_block(out->data + out->len, at);
            out->len += (size_t)plain;
            at += plain;
        }
        if (plain < SSE_JSON_STEP)
            at = put_character(out, at, end);
    }
    return SSE_OK;
}

static int put_string(sse_buffer *out, sse_slice text)
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

int sse_json_write_any_string(sse_buffer *out, sse_slice text)
{
    size_t before = out->len;
    int code = text.len > SIZE_MAX / 8 ? SSE_ETOOBIG : put_string(out, text);

    if (code)
        out->len = before;
    return code;
}

int sse_json_write_any_name(sse_buffer *out, sse_slice name, bool first)
{
    size_t before = out->len;
    int code = first ? SSE_OK : sse_json_write(out, ",", 1);

    if (!code)
        code = sse_json_write_any_string(out, name);
    if (!code)
        code = sse_json_write(out, ":", 1);
    if (code)
        out->len = before;
    return code;
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
