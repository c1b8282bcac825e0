#include "response_fields.h"

#include <event2/util.h>
#include <stdio.h>
#include <strings.h>

#define MAX_EXTRA_FIELDS  (SSE_HTTP1_OWN_FIELDS + 2)
#define USUAL_HEAD        512
#define MAX_RESPONSE_HEAD ((size_t)256 << 10)

void sse_http1_format_date(time_t now, char *out, size_t size)
{
    struct tm tm;

    gmtime_r(&now, &tm); /* not strftime: day and month names must not follow the locale */
    snprintf(out, size, "%s, %02d %s %04d %02d:%02d:%02d GMT",
             &"Sun\0Mon\0Tue\0Wed\0Thu\0Fri\0Sat"[(size_t)tm.tm_wday * 4], tm.tm_mday,
             &"Jan\0Feb\0Mar\0Apr\0May\0Jun\0Jul\0Aug\0Sep\0Oct\0Nov\0Dec"[(size_t)tm.tm_mon * 4],
             tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

sse_http1_field sse_http1_text_field(const char *name, const char *value)
{
    return (sse_http1_field){ sse_slice_text(name), sse_slice_text(value) };
}

static bool has_date(const sse_http1_field *fields, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (fields[i].name.len == 4 && strncasecmp(fields[i].name.at, "date", 4) == 0)
            return true;
    return false;
}

size_t sse_http1_add_own(char digits[SSE_HTTP1_DIGITS], const char *date, int status,
                         int64_t length, sse_http1_field *fields, size_t count)
{
    if (!has_date(fields, count)) /* a proxy hands on the origin's (RFC 9110 section 6.6.1) */
        fields[count++] = sse_http1_text_field("Date", date);
    if (length >= 0 && (sse_http1_has_body(status) || (status == 304 && length > 0))) {
        snprintf(digits, SSE_HTTP1_DIGITS, "%lld", (long long)length);
        fields[count++] = sse_http1_text_field("Content-Length", digits);
    }
    return count;
}

int sse_http1_head_frame(const sse_http1_answer *a, const sse_http1_field *fields, size_t count,
                         size_t *bad, sse_frame **frame)
{
    char digits[SSE_HTTP1_DIGITS];
    sse_http1_field all[SSE_HTTP1_MAX_FIELDS + MAX_EXTRA_FIELDS];
    sse_buffer out;
    int code = SSE_OK;

    if (count > SSE_HTTP1_MAX_FIELDS)
        return SSE_ETOOBIG;
    if (count)
        memcpy(all, fields, count * sizeof *fields);
    count = sse_http1_add_own(digits, a->date, a->status, a->length, all, count);
    if (a->chunked)
        all[count++] = sse_http1_text_field("Transfer-Encoding", "chunked");
    if (!a->keep_alive)
        all[count++] = sse_http1_text_field("Connection", "close");
    else if (a->minor == 0)
        all[count++] = sse_http1_text_field("Connection", "keep-alive");
    sse_buffer_init(&out, MAX_RESPONSE_HEAD);
    code = sse_buffer_reserve(&out, USUAL_HEAD);
    if (!code)
        code = sse_http1_write_head(&out, 1, a->status, all, count, bad);
    if (!code) {
        *frame = sse_frame_raw((sse_slice){ out.data, out.len });
        code = *frame ? SSE_OK : SSE_ENOMEM;
    }
    sse_buffer_free(&out);
    return code;
}

sse_http1_field sse_http1_retry_after(char room[8])
{
    unsigned char byte = 0;

    evutil_secure_rng_get_bytes(&byte, 1);
    snprintf(room, 8, "%d", 1 + byte % 10);
    return sse_http1_text_field("Retry-After", room);
}
