/* json_writer.h: strings, numbers and line breaks of JSON into a buffer. Brackets and commas are
 * the caller's. Each function appends all or returns SSE_ETOOBIG or SSE_ENOMEM; SSE_ETOOBIG up to
 * 32 bytes before the buffer's maximum. */
#ifndef SSE_WIRE_JSON_WRITER_H
#define SSE_WIRE_JSON_WRITER_H

#include "buffer.h"
#include "json_scan.h"

/* Writes a string with its quotes. Escaped are '"', '\', control characters, and U+2028 and U+2029,
 * which end a line of JavaScript. Broken UTF-8 becomes U+FFFD. */
int sse_json_write_any_string(sse_buffer *out, sse_slice text);

int sse_json_write_any_name(sse_buffer *out, sse_slice name, bool first);

/* The same, and fast where nothing is to be escaped. */
static inline int sse_json_write_string(sse_buffer *out, sse_slice text)
{
    char *to = NULL;

    if (out->cap - out->len < 2 || out->cap - out->len - 2 < text.len)
        return sse_json_write_any_string(out, text);
    to = out->data + out->len;
    if (!sse_json_copy_plain(to + 1, text.at, text.len))
        return sse_json_write_any_string(out, text);
    to[0] = to[1 + text.len] = '"';
    out->len += text.len + 2;
    return 0;
}

/* Writes the name of a member, with the colon after it, and unless it is the first one the comma
 * before it. */
static inline int sse_json_write_name(sse_buffer *out, sse_slice name, bool first)
{
    size_t len = name.len + 3 + !first;
    char *to = NULL;

    if (name.len > out->cap || out->cap - out->len < len)
        return sse_json_write_any_name(out, name, first);
    to = out->data + out->len;
    if (!sse_json_copy_plain(to + 1 + !first, name.at, name.len))
        return sse_json_write_any_name(out, name, first);
    if (!first)
        *to++ = ',';
    to[0] = to[1 + name.len] = '"';
    to[2 + name.len] = ':';
    out->len += len;
    return 0;
}

int sse_json_write_integer(sse_buffer *out, int64_t value);

/* Writes the shortest text that reads back as an equal number: a float of integral value below 1e17
 * without a point. The value is finite. */
int sse_json_write_double(sse_buffer *out, double value);

/* Writes an LF, and the indentation `depth` times. */
int sse_json_write_break(sse_buffer *out, sse_slice indent, unsigned depth);

/* Appends bytes that are JSON. */
static inline int sse_json_write(sse_buffer *out, const char *bytes, size_t len)
{
    if (out->cap - out->len < len)
        return sse_buffer_append(out, bytes, len);
    memcpy(out->data + out->len, bytes, len);
    out->len += len;
    return 0;
}

#endif
