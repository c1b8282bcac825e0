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

/* Reads the rest of a string that is not plain ASCII up to its quote; see sse_json_string_read. */
const char *sse_json_string_read_on(const char *at, const char *end, bool replace,
                                    sse_json_string *out, sse_json_fault *fault);

/* Reads a string whose opening quote is right before `at`. Returns the byte after its closing quote,
 * or NULL and the fault. `replace`: what is no UTF-8 is no fault; out->broken tells of it. */
static inline const char *sse_json_string_read(const char *at, const char *end, bool replace,
                                               sse_json_string *out, sse_json_fault *fault)
{
    bool non_ascii = false;
    const char *stop = sse_json_plain(at, end, &non_ascii);

    if (stop == end || *stop != '"' || non_ascii)
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

/* Says whether the string's value is `text`. */
bool sse_json_string_is(const sse_json_string *s, sse_slice text);

#endif
