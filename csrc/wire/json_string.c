#include "json_string.h"

#include "utf8.h"

#define REPLACEMENT 0xFFFDu

/* Reads four hexadecimal digits; returns -1 and the fault where there are none. */
static int32_t read_hex(const char *at, const char *end, sse_json_fault *fault)
{
    int32_t value = 0;

    for (int i = 0; i < 4; i++) {
        char c = at + i < end ? at[i] : 0;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0) {
            *fault = (sse_json_fault){ "expected four hexadecimal digits after \\u", at + i };
            return -1;
        }
        value = value * 16 + digit;
    }
    return value;
}

/* Reads \uXXXX, and the second half of a surrogate pair. `at` is at the backslash. Returns the byte
 * after it, and the code point, which is a surrogate where half of the pair is missing; or NULL. */
static const char *read_unicode(const char *at, const char *end, uint32_t *code,
                                sse_json_fault *fault)
{
    int32_t first = read_hex(at + 2, end, fault), second = 0;

    if (first < 0)
        return NULL;
    *code = (uint32_t)first;
    at += 6;
    if (first < 0xD800 || first > 0xDBFF || end - at < 2 || at[0] != '\\' || at[1] != 'u')
        return at;
    second = read_hex(at + 2, end, fault);
    if (second < 0)
        return NULL;
    if (second < 0xDC00 || second > 0xDFFF)
        return at;
    *code = 0x10000u + (((uint32_t)first - 0xD800u) << 10) + ((uint32_t)second - 0xDC00u);
    return at + 6;
}

static bool is_surrogate(uint32_t code)
{
    return code >= 0xD800 && code <= 0xDFFF;
}

/* Passes over an escape at the backslash `at`. *broken becomes true where it is half of a pair. */
static const char *check_escape(const char *at, const char *end, bool *broken,
                                sse_json_fault *fault)
{
    uint32_t code = 0;
    const char *next = NULL;

    if (at + 1 < end && at[1] != 0 && strchr("\"\\/bfnrt", at[1]))
        return at + 2;
    if (at + 1 == end || at[1] != 'u') {
        *fault =
            (sse_json_fault){ "expected one of \" \\ / b f n r t u after a backslash", at + 1 };
        return NULL;
    }
    next = read_unicode(at, end, &code, fault);
    if (next && is_surrogate(code))
        *broken = true;
    return next;
}

/* Makes the fault of a text that ends, or of a control character that stands, within a string. */
static const char *unfinished(const char *at, const char *end, sse_json_fault *fault)
{
    *fault = (sse_json_fault){ at == end ? "expected the closing '\"' of a string"
                                         : "expected an escape such as \\n in a string",
                               at };
    return NULL;
}

const char *sse_json_string_read_on(const char *at, const char *end, bool replace,
                                    sse_json_string *out, sse_json_fault *fault)
{
    const char *from = at;
    bool non_ascii = false, broken = false;

    *out = (sse_json_string){ 0 };
    for (;;) {
        const char *stop = sse_json_plain(at, end, &non_ascii);

        at = stop;
        if (at == end || (unsigned char)*at < 0x20)
            return unfinished(at, end, fault);
        if (*at == '"')
            break;
        out->escaped = true;
        at = check_escape(stop, end, &broken, fault);
        if (!at)
            return NULL;
        if (broken && !replace) {
            *fault = (sse_json_fault){ "half of a surrogate pair, which is no character", stop };
            return NULL;
        }
    }
    out->raw = (sse_slice){ from, (size_t)(at - from) };
    if (non_ascii) {
        size_t valid = sse_utf8_valid(out->raw);

        broken |= valid < out->raw.len;
        if (valid < out->raw.len && !replace) {
            *fault = (sse_json_fault){ "broken UTF-8", from + valid };
            return NULL;
        }
    }
    out->broken = broken;
    return at + 1;
}

static size_t put_utf8(char *out, uint32_t code)
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 0x3F));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 0x3F));
        out[2] = (char)(0x80 | (code & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 0x3F));
    out[2] = (char)(0x80 | (code >> 6 & 0x3F));
    out[3] = (char)(0x80 | (code & 0x3F));
    return 4;
}

/* Writes the value of the escape at *at, and moves *at behind it. */
static size_t put_escape(const char **at, const char *end, char *out)
{
    static const char letters[] = "bfnrt", values[] = "\b\f\n\r\t";
    sse_json_fault fault;
    uint32_t code = 0;
    char letter = (*at)[1];
    const char *which = NULL;

    if (letter == 'u') {
        *at = read_unicode(*at, end, &code, &fault);
        return put_utf8(out, is_surrogate(code) ? REPLACEMENT : code);
    }
    which = strchr(letters, letter);
    *out = which ? values[which - letters] : letter;
    *at += 2;
    return 1;
}

/* Copies bytes that have no escape, with U+FFFD in place of broken UTF-8. */
static size_t put_replaced(sse_slice s, char *out)
{
    size_t len = 0;

    for (;;) {
        size_t valid = sse_utf8_valid(s), bad = 0;

        memcpy(out + len, s.at, valid);
        len += valid;
        s = (sse_slice){ s.at + valid, s.len - valid };
        if (s.len == 0)
            return len;
        len += put_utf8(out + len, REPLACEMENT);
        bad = sse_utf8_broken(s);
        s = (sse_slice){ s.at + bad, s.len - bad };
    }
}

size_t sse_json_string_value(const sse_json_string *s, char *out)
{
    const char *at = s->raw.at, *end = at + s->raw.len;
    size_t len = 0;

    while (at < end) {
        const char *stop = s->escaped ? memchr(at, '\\', (size_t)(end - at)) : NULL;
        size_t run = (size_t)((stop ? stop : end) - at);

        if (s->broken)
            len += put_replaced((sse_slice){ at, run }, out + len);
        else
            memcpy(out + len, at, run), len += run;
        at += run;
        while (at < end && *at == '\\')
            len += put_escape(&at, end, out + len);
    }
    return len;
}

bool sse_json_escaped_is(const sse_json_string *s, sse_slice text)
{
    const char *at = s->raw.at, *end = at + s->raw.len;
    size_t done = 0;

    while (at < end) {
        char value[4];
        size_t len = 1;

        if (*at == '\\')
            len = put_escape(&at, end, value);
        else
            value[0] = *at++;
        if (text.len - done < len || memcmp(text.at + done, value, len) != 0)
            return false;
        done += len;
    }
    return done == text.len;
}
