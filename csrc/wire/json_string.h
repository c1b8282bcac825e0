/* json_string.h: reads strings of a JSON text (RFC 8259 section 7). A string that is read is always
 * UTF-8: broken UTF-8, and an escape that is half of a surrogate pair, are a fault, or U+FFFD. */
#ifndef SSE_WIRE_JSON_STRING_H
#define SSE_WIRE_JSON_STRING_H

#include "json_fault.h"
#include "json_scan.h"

/* A string between its quotes, as it stands in the text. */
typedef struct sse_json_string {
    sse_slice raw;
    bool escaped; /* it has escapes, so it is not the string's value */
    bool broken;  /* something in it is to become U+FFFD */
} sse_json_string;

/* Reads any string; see sse_json_string_read, which is fast where it is plain ASCII. */
const char *sse_json_string_read_on(const char *at, const char *end, bool replace,
                                    sse_json_string *out, sse_json_fault *fault);

/* Reads a string whose opening quote is right before `at`. Returns the byte after its closing
 * quote, or NULL and the fault. `replace`: what is no UTF-8 is no fault; out->broken tells of it.
 */
SSE_JSON_HOT const char *sse_json_string_read(const char *at, const char *end, bool replace,
                                              sse_json_string *out, sse_json_fault *fault)
{
    const char *stop = at;

    for (; end - stop >= SSE_JSON_STEP; stop += SSE_JSON_STEP) {
        int plain = sse_json_ascii_block(stop);

        if (plain < SSE_JSON_STEP) {
            stop += plain;
            goto found;
        }
    }
    while (stop < end && !sse_json_is_stop((unsigned char)*stop) && (signed char)*stop > 0)
        stop++;
    if (stop == end)
        return sse_json_string_read_on(at, end, replace, out, fault);
found:
    if (*stop != '"')
        return sse_json_string_read_on(at, end, replace, out, fault);
    *out = (sse_json_string){ .raw = { at, (size_t)(stop - at) } };
    return stop + 1;
}

/* The most bytes that the string's value can have. */
static inline size_t sse_json_string_room(const sse_json_string *s)
{
    return s->broken ? 3 * s->raw.len : s->raw.len;
}

/* Writes the string's value, without escapes, and returns its length. */
size_t sse_json_string_value(const sse_json_string *s, char *out);

/* Says whether the value of a string with escapes is `text`. */
bool sse_json_escaped_is(const sse_json_string *s, sse_slice text);

/* Says whether the string's value is `text`. */
static inline bool sse_json_string_is(const sse_json_string *s, sse_slice text)
{
    if (s->escaped)
        return sse_json_escaped_is(s, text);
    return s->raw.len == text.len && sse_json_same(s->raw.at, text.at, text.len);
}

#endif
