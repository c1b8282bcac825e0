#include "coding.h"

#include <zlib.h>

#if ZLIB_VERNUM >= 0x12c0
#define HAVE_CRC_OPERATOR
#endif

#define NOT_GIVEN (-1)

/* --- Accept-Encoding -------------------------------------------------------------------------- */

/* The client's weight of each coding, in thousandths, or NOT_GIVEN. wildcard: of "*". */
typedef struct weights {
    int gzip, deflate, identity, wildcard;
} weights;

/* Cuts the part before the next `mark`, and the mark, off the front of *rest; returns the part
 * without white space around it. */
static sse_slice take_until(sse_slice *rest, char mark)
{
    const char *end = rest->len ? memchr(rest->at, mark, rest->len) : NULL;
    sse_slice part = { rest->at, end ? (size_t)(end - rest->at) : rest->len };
    size_t used = part.len + (end ? 1 : 0);

    rest->at += used;
    rest->len -= used;
    return sse_slice_trim(part);
}

/* Reads a weight (RFC 9110 section 12.4.2), 0 to 1 with up to three decimals, in thousandths.
 * NOT_GIVEN: malformed. */
static int read_weight(sse_slice s)
{
    int value = 0, unit = 100;

    if (s.len == 0 || s.len > 5 || (s.at[0] != '0' && s.at[0] != '1'))
        return NOT_GIVEN;
    value = (s.at[0] - '0') * 1000;
    if (s.len > 1 && s.at[1] != '.')
        return NOT_GIVEN;
    for (size_t i = 2; i < s.len; i++, unit /= 10) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return NOT_GIVEN;
        value += (s.at[i] - '0') * unit;
    }
    return value <= 1000 ? value : NOT_GIVEN;
}

/* The weight among a list member's parameters; 1,000 without one. */
static int find_weight(sse_slice parameters)
{
    while (parameters.len > 0) {
        sse_slice p = take_until(&parameters, ';');

        if (p.len >= 2 && (p.at[0] == 'q' || p.at[0] == 'Q') && p.at[1] == '=')
            return read_weight((sse_slice){ p.at + 2, p.len - 2 });
    }
    return 1000;
}

/* Notes one member of the list, such as "gzip;q=0.5". */
static void note_member(weights *w, sse_slice member)
{
    sse_slice name = take_until(&member, ';');
    int q = find_weight(member);

    if (sse_slice_is_name(name, "gzip") || sse_slice_is_name(name, "x-gzip"))
        w->gzip = q;
    else if (sse_slice_is_name(name, "deflate"))
        w->deflate = q;
    else if (sse_slice_is_name(name, "identity"))
        w->identity = q;
    else if (sse_slice_is_name(name, "*"))
        w->wildcard = q;
}

static int with_wildcard(int named, int wildcard)
{
    return named != NOT_GIVEN ? named : wildcard;
}

sse_coding sse_coding_choose(const sse_http1_field *fields, size_t count)
{
    weights w = { NOT_GIVEN, NOT_GIVEN, NOT_GIVEN, NOT_GIVEN };
    int gzip = 0, deflate = 0;

    for (size_t i = 0; i < count; i++) {
        sse_slice rest = fields[i].value;

        if (!sse_slice_is_name(fields[i].name, "Accept-Encoding"))
            continue;
        while (rest.len > 0)
            note_member(&w, take_until(&rest, ','));
    }
    gzip = with_wildcard(w.gzip, w.wildcard);
    deflate = with_wildcard(w.deflate, w.wildcard);
    if (gzip <= 0 && deflate <= 0)
        return SSE_CODING_NONE;
    if (w.identity > gzip && w.identity > deflate) /* named, and preferred to both */
        return SSE_CODING_NONE;
    return gzip >= deflate ? SSE_CODING_GZIP : SSE_CODING_DEFLATE;
}

bool sse_fields_have_token(const sse_http1_field *fields, size_t count, const char *name,
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

bool sse_fields_accept(const sse_http1_field *fields, size_t count, const char *type)
{
    for (size_t i = 0; i < count; i++) {
        sse_slice rest = fields[i].value;

        while (sse_slice_is_name(fields[i].name, "Accept") && rest.len > 0) {
            sse_slice member = take_until(&rest, ',');

            if (sse_slice_is_name(take_until(&member, ';'), type) && find_weight(member) > 0)
                return true;
        }
    }
    return false;
}

const char *sse_coding_name(sse_coding coding)
{
    static const char *const names[] = { "identity", "gzip", "deflate" };

    return names[coding];
}

/* --- head and trailer ------------------------------------------------------------------------- */

static size_t put(char *out, const char *bytes, size_t len)
{
    memcpy(out, bytes, len);
    return len;
}

/* The trailer's numbers: low byte first in gzip, high byte first in zlib's format. */
static size_t put_number(char *out, uint32_t n, bool low_first)
{
    for (int i = 0; i < 4; i++)
        out[i] = (char)(n >> 8 * (low_first ? i : 3 - i));
    return 4;
}

size_t sse_coding_head(sse_coding coding, sse_sum *sum, char out[SSE_CODING_MAX_EDGE])
{
    *sum = (sse_sum){ .check = coding == SSE_CODING_DEFLATE }; /* Adler-32 begins with 1 */
    if (coding == SSE_CODING_GZIP) /* deflate, no name, no time, an unknown system */
        return put(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    return put(out, "\x78\x01", 2); /* deflate, a window of 32 KiB */
}

size_t sse_coding_end(sse_coding coding, const sse_sum *sum, char out[SSE_CODING_MAX_EDGE])
{
    bool gzip = coding == SSE_CODING_GZIP;
    size_t len = put(out, "\x03\0", 2); /* an empty final block with fixed codes */

    len += put_number(out + len, sum->check, gzip);
    if (gzip)
        len += put_number(out + len, sum->bytes, gzip);
    return len;
}

/* --- check values ----------------------------------------------------------------------------- */

void sse_deflated_set_checks(sse_deflated *deflated, sse_slice plain)
{
    const unsigned char *bytes = (const unsigned char *)plain.at;

    deflated->crc = (uint32_t)crc32_z(0, bytes, plain.len);
    deflated->adler = (uint32_t)adler32_z(1, bytes, plain.len);
#ifdef HAVE_CRC_OPERATOR
    deflated->crc_op = (uint32_t)crc32_combine_gen((z_off_t)plain.len);
#endif
}

void sse_sum_add_deflated(sse_sum *sum, sse_coding coding, const sse_deflated *deflated,
                          size_t bytes)
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

void sse_sum_add_plain(sse_sum *sum, sse_coding coding, sse_slice plain)
{
    const unsigned char *bytes = (const unsigned char *)plain.at;

    if (coding == SSE_CODING_DEFLATE)
        sum->check = (uint32_t)adler32_z(sum->check, bytes, plain.len);
    else
        sum->check = (uint32_t)crc32_z(sum->check, bytes, plain.len);
    sum->bytes += (uint32_t)plain.len;
}
