#include "command.h"

#include <stdlib.h>

#include "digits.h"

#define LENGTH_BYTES 32 /* "$", a length, and the ends of the two lines: at most */

/* Writes a kind and a number as a line. */
static char *write_line(char *out, char kind, size_t number)
{
    *out++ = kind;
    out += write_digits(out, number);
    *out++ = '\r';
    *out++ = '\n';
    return out;
}

static char *write_bytes(char *out, sse_slice s)
{
    if (s.len > 0)
        memcpy(out, s.at, s.len);
    return out + s.len;
}

static char *write_end(char *out)
{
    return write_bytes(out, SSE_SLICE("\r\n"));
}

/* The list of the events' sizes: an array of 16 bits' length, of numbers of 32 bits. */
static char *write_sizes(char *out, const run *r)
{
    unsigned n = (unsigned)r->count;

    out = write_line(out, '$', 3 + 5 * (size_t)n);
    *out++ = (char)0xdc;
    *out++ = (char)(n >> 8);
    *out++ = (char)n;
    for (unsigned i = 0; i < n; i++) {
        size_t size = r->list[i]->lens[SSE_DIRECT_EVENT];

        *out++ = (char)0xce;
        for (int shift = 24; shift >= 0; shift -= 8)
            *out++ = (char)(size >> shift);
    }
    return write_end(out);
}

static char *write_record(char *out, const append *a, int index, sse_slice mark)
{
    char number[MOST_DIGITS];
    sse_slice its = { number, write_digits(number, (size_t)index) };

    out = write_line(out, '$', mark.len + its.len + a->len);
    out = write_bytes(out, mark);
    out = write_bytes(out, its);
    out = write_bytes(out, (sse_slice){ a->bytes, a->len });
    return write_end(out);
}

/* A "=" and the text, or nothing. */
static char *write_name(char *out, sse_slice s)
{
    out = write_line(out, '$', s.at ? s.len + 1 : 0);
    if (s.at)
        *out++ = '=';
    return write_end(write_bytes(out, s));
}

static bool has_names(const run *r)
{
    for (int i = 0; i < r->count; i++)
        if (r->list[i]->has[SSE_DIRECT_ID] || r->list[i]->has[SSE_DIRECT_DEDUPE])
            return true;
    return false;
}

/* At least as many bytes as the command has. */
static size_t room(int count, const size_t *lengths, const run *r, sse_slice mark)
{
    size_t sum = 2 * LENGTH_BYTES + 3 + 5 * (size_t)r->count;

    for (int i = 0; i < count; i++)
        sum += LENGTH_BYTES + lengths[i];
    for (int i = 0; i < r->count; i++) {
        const append *a = r->list[i];

        sum += 3 * (LENGTH_BYTES + 1) + mark.len + MOST_DIGITS + a->len;
        sum += a->lens[SSE_DIRECT_ID] + a->lens[SSE_DIRECT_DEDUPE];
    }
    return sum;
}

char *command_append(int count, const char *const *words, const size_t *lengths, const run *r,
                     sse_slice mark, size_t *len)
{
    bool named = has_names(r);
    char *bytes = malloc(room(count, lengths, r, mark)), *out = bytes;

    if (!bytes)
        return NULL;
    out = write_line(out, '*', (size_t)count + 1 + (size_t)r->count * (named ? 3 : 1));
    for (int i = 0; i < count; i++) {
        out = write_line(out, '$', lengths[i]);
        out = write_end(write_bytes(out, (sse_slice){ words[i], lengths[i] }));
    }
    out = write_sizes(out, r);
    for (int i = 0; i < r->count; i++)
        out = write_record(out, r->list[i], i + 1, mark);
    for (int i = 0; named && i < r->count; i++) {
        out = write_name(out, append_text(r->list[i], SSE_DIRECT_ID));
        out = write_name(out, append_text(r->list[i], SSE_DIRECT_DEDUPE));
    }
    *len = (size_t)(out - bytes);
    return bytes;
}
