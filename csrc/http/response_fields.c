#include "response_fields.h"

#include <event2/util.h>
#include <stdio.h>

#include "../wire/decimal.h"

void sse_response_format_date(time_t now, char *out, size_t size)
{
    struct tm tm;

    gmtime_r(&now, &tm); /* not strftime: day and month names must not follow the locale */
    snprintf(out, size, "%s, %02d %s %04d %02d:%02d:%02d GMT",
             &"Sun\0Mon\0Tue\0Wed\0Thu\0Fri\0Sat"[(size_t)tm.tm_wday * 4], tm.tm_mday,
             &"Jan\0Feb\0Mar\0Apr\0May\0Jun\0Jul\0Aug\0Sep\0Oct\0Nov\0Dec"[(size_t)tm.tm_mon * 4],
             tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

sse_http1_field sse_response_text_field(const char *name, const char *value)
{
    return (sse_http1_field){ sse_slice_text(name), sse_slice_text(value) };
}

static bool has_date(const sse_http1_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (sse_slice_is_name(fields[i].name, "date"))
            return true;
    return false;
}

size_t sse_response_add_common_fields(char digits[SSE_RESPONSE_LENGTH_SIZE], const char *date,
                                      int status, int64_t length, sse_http1_field *fields,
                                      size_t count)
{
    if (!has_date(fields, count)) /* a proxy forwards the origin's (RFC 9110 section 6.6.1) */
        fields[count++] = sse_response_text_field("Date", date);
    if (length >= 0 && (sse_response_has_body(status) || (status == 304 && length > 0))) {
        fields[count++] = (sse_http1_field){ SSE_SLICE("Content-Length"),
                                             { digits, sse_number_write_integer(digits, length) } };
    }
    return count;
}

sse_http1_field sse_response_retry_after(char room[8])
{
    unsigned char byte = 0;

    evutil_secure_rng_get_bytes(&byte, 1);
    snprintf(room, 8, "%d", 1 + byte % 10);
    return sse_response_text_field("Retry-After", room);
}
