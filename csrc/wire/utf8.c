#include "utf8.h"

#include <stdint.h>

#include "error.h"

#define REPLACEMENT "\xEF\xBF\xBD"

/* Returns the length of the sequence at `at`; of a broken one the negative length of its maximal
 * subpart. */
static int sequence_length(const unsigned char *at, const unsigned char *end)
{
    unsigned char lead = at[0], low = 0x80, high = 0xBF;
    int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;

    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return -1;
    if (lead == 0xE0)
        low = 0xA0;
    if (lead == 0xED)
        high = 0x9F;
    if (lead == 0xF0)
        low = 0x90;
    if (lead == 0xF4)
        high = 0x8F;
    for (int i = 1; i <= more; i++) {
        if (at + i == end || at[i] < low || at[i] > high)
            return -i;
        low = 0x80;
        high = 0xBF;
    }
    return more + 1;
}

static const unsigned char *skip_ascii(const unsigned char *at, const unsigned char *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t word = 0;

        memcpy(&word, at, 8);
        if (word & 0x8080808080808080u)
            break;
    }
    while (at < end && *at < 0x80)
        at++;
    return at;
}

size_t sse_utf8_valid(sse_slice s)
{
    const unsigned char *begin = (const unsigned char *)s.at, *at = begin, *end = begin + s.len;

    while (at < end) {
        int len = 1;

        if (*at < 0x80) {
            at = skip_ascii(at, end);
            continue;
        }
        len = sequence_length(at, end);
        if (len < 0)
            break;
        at += len;
    }
    return (size_t)(at - begin);
}

size_t sse_utf8_broken(sse_slice s)
{
    const unsigned char *at = (const unsigned char *)s.at;

    return (size_t)-sequence_length(at, at + s.len);
}

int sse_utf8_replace(sse_buffer *out, sse_slice s)
{
    size_t before = out->len;
    int code = SSE_OK;

    while (!code && s.len > 0) {
        size_t good = sse_utf8_valid(s), bad = 0;

        code = sse_buffer_append(out, s.at, good);
        if (code || good == s.len)
            break;
        code = sse_buffer_append(out, REPLACEMENT, 3);
        s = (sse_slice){ s.at + good, s.len - good };
        bad = sse_utf8_broken(s);
        s = (sse_slice){ s.at + bad, s.len - bad };
    }
    if (code)
        out->len = before;
    return code;
}
