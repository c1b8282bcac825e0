#include "coding.h"

#include <zlib.h>

#if ZLIB_VERNUM >= 0x12c0
#define HAVE_CRC_OPERATOR
#endif

#define UNSAID (-1) /* else thousandths */

/* --- Accept-Encoding -------------------------------------------------------------------------- */

typedef struct wishes {
    int gzip, deflate, identity, other;
} wishes;

/* Takes what is before the next `mark` off the front of *rest. */
static sse_slice take_until(sse_slice *rest, char mark)
{
    const char *end = rest->len ? memchr(rest->at, mark, rest->len) : NULL;
    sse_slice part = { rest->at, end ? (size_t)(end - rest->at) : rest->len };
    size_t used = part.len + (end ? 1 : 0);

    rest->at += used;
    rest->len -= used;
    return sse_slice_trim(part);
}

/* 0, 1, or up to three digits behind the point (RFC 9110 section 12.4.2); UNSAID: it is neither. */
static int thousandths(sse_slice s)
{
    int value = 0, unit = 100;

    if (s.len == 0 || s.len > 5 || (s.at[0] != '0' && s.at[0] != '1'))
        return UNSAID;
    value = (s.at[0] - '0') * 1000;
    if (s.len > 1 && s.at[1] != '.')
        return UNSAID;
    for (size_t i = 2; i < s.len; i++, unit /= 10) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return UNSAID;
        value += (s.at[i] - '0') * unit;
    }
    return value <= 1000 ? value : UNSAID;
}

/* The weight among the parameters of a member; 1 without one. */
static int weight(sse_slice parameters)
{
    while (parameters.len > 0) {
        sse_slice p = take_until(&parameters, ';');

        if (p.len >= 2 && (p.at[0] == 'q' || p.at[0] == 'Q') && p.at[1] == '=')
            return thousandths((sse_slice){ p.at + 2, p.len - 2 });
    }
    return 1000;
}

/* One member of the list: "gzip;q=0.5". */
static void wish(wishes *w, sse_slice member)
{
    sse_slice name = take_until(&member, ';');
    int q = weight(member);

    if (sse_slice_is_name(name, "gzip") || sse_slice_is_name(name, "x-gzip"))
        w->gzip = q;
    else if (sse_slice_is_name(name, "deflate"))
        w->deflate = q;
    else if (sse_slice_is_name(name, "identity"))
        w->identity = q;
    else if (sse_slice_is_name(name, "*"))
        w->other = q;
}

static int either(int named, int other)
{
    return named != UNSAID ? named : other;
}

sse_coding sse_coding_choose(const sse_http1_field *fields, size_t count)
{
    wishes w = { UNSAID, UNSAID, UNSAID, UNSAID };
    int gzip = 0, deflate = 0;

    for (size_t i = 0; i < count; i++) {
        sse_slice rest = fields[i].value;

        if (!sse_slice_is_name(fields[i].name, "Accept-Encoding"))
            continue;
        while (rest.len > 0)
            wish(&w, take_until(&rest, ','));
    }
    gzip = either(w.gzip, w.other);
    deflate = either(w.deflate, w.other);
    if (gzip <= 0 && deflate <= 0)
        return SSE_CODING_NONE;
    if (w.identity > gzip && w.identity > deflate) /* named, and preferred */
        return SSE_CODING_NONE;
    return gzip >= deflate ? SSE_CODING_GZIP : SSE_CODING_DEFLATE;
}

bool sse_fields_list(const sse_http1_field *fields, size_t count, const char *name,
                     const char *token)
{
    for (size_t i = 0; i < count; i++) {
        sse_slice rest = fields[i].value;

        while (sse_slice_is_name(fields[i].name, name) && rest.len > 0)
            if (sse_slice_is_name(take_until(&rest, ','), token))
                return true;
    }
    return false;
}

const char *sse_coding_name(sse_coding coding)
{
    static const char *const names[] = { "identity", "gzip", "deflate" };

    return names[coding];
}

/* --- head and end ----------------------------------------------------------------------------- */

static size_t put(char *out, const char *bytes, size_t len)
{
    memcpy(out, bytes, len);
    return len;
}

/* Low byte first in gzip, high byte first in zlib's format. */
static size_t put_number(char *out, uint32_t n, bool low_first)
{
    for (int i = 0; i < 4; i++)
        out[i] = (char)(n >> 8 * (low_first ? i : 3 - i));
    return 4;
}

size_t sse_coding_head(sse_coding coding, sse_sum *sum, char out[SSE_CODING_AROUND])
{
    *sum = (sse_sum){ .check = coding == SSE_CODING_DEFLATE }; /* Adler-32 begins with 1 */
    if (coding == SSE_CODING_GZIP) /* deflate, no name, no time, an unknown system */
        return put(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    return put(out, "\x78\x01", 2); /* deflate, a window of 32 KiB */
}

size_t sse_coding_end(sse_coding coding, const sse_sum *sum, char out[SSE_CODING_AROUND])
{
    bool gzip = coding == SSE_CODING_GZIP;
    size_t len = put(out, "\x03\0", 2); /* the final block: fixed codes, and none of them but the
                                           end */

    len += put_number(out + len, sum->check, gzip);
    if (gzip)
        len += put_number(out + len, sum->bytes, gzip);
    return len;
}

/* --- check values ----------------------------------------------------------------------------- */

void sse_deflated_check(sse_deflated *deflated, sse_slice plain)
{
    const unsigned char *bytes = (const unsigned char *)plain.at;

    deflated->crc = (uint32_t)crc32_z(0, bytes, plain.len);
    deflated->adler = (uint32_t)adler32_z(1, bytes, plain.len);
#ifdef HAVE_CRC_OPERATOR
    deflated->crc_op = (uint32_t)crc32_combine_gen((z_off_t)plain.len);
#endif
}

void sse_sum_deflated(sse_sum *sum, sse_coding coding, const sse_deflated *deflated, size_t bytes)
{
    if (coding == SSE_CODING_DEFLATE)
        sum->check = (uint32_t)adler32_combine(sum->check, deflated->adler, (z_off_t)bytes);
    else
#ifdef HAVE_CRC_OPERATOR
        sum->check = (uint32_t)crc32_combine_op(sum->check, deflated->crc, deflated->crc_op);
#else
        sum->check = (uint32_t)crc32_combine(sum->check, deflated->crc, (z_off_t)bytes);
#endif
    sum->bytes += (uint32_t)bytes;
}

void sse_sum_plain(sse_sum *sum, sse_coding coding, sse_slice plain)
{
    const unsigned char *bytes = (const unsigned char *)plain.at;

    if (coding == SSE_CODING_DEFLATE)
        sum->check = (uint32_t)adler32_z(sum->check, bytes, plain.len);
    else
        sum->check = (uint32_t)crc32_z(sum->check, bytes, plain.len);
    sum->bytes += (uint32_t)plain.len;
}
