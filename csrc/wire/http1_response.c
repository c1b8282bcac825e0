/* http1_response.c: response heads (RFC 9112 section 4, RFC 9110 section 15). */
#include "http1_response.h"

#include <string.h>

#include "decimal.h"
#include "http1_chars.h"

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    { 100, "Continue" },
    { 101, "Switching Protocols" },
    { 103, "Early Hints" },
    { 200, "OK" },
    { 201, "Created" },
    { 202, "Accepted" },
    { 203, "Non-Authoritative Information" },
    { 204, "No Content" },
    { 205, "Reset Content" },
    { 206, "Partial Content" },
    { 300, "Multiple Choices" },
    { 301, "Moved Permanently" },
    { 302, "Found" },
    { 303, "See Other" },
    { 304, "Not Modified" },
    { 307, "Temporary Redirect" },
    { 308, "Permanent Redirect" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 402, "Payment Required" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 407, "Proxy Authentication Required" },
    { 408, "Request Timeout" },
    { 409, "Conflict" },
    { 410, "Gone" },
    { 411, "Length Required" },
    { 412, "Precondition Failed" },
    { 413, "Content Too Large" },
    { 414, "URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 416, "Range Not Satisfiable" },
    { 417, "Expectation Failed" },
    { 418, "I'm a teapot" },
    { 421, "Misdirected Request" },
    { 422, "Unprocessable Content" },
    { 425, "Too Early" },
    { 426, "Upgrade Required" },
    { 428, "Precondition Required" },
    { 429, "Too Many Requests" },
    { 431, "Request Header Fields Too Large" },
    { 451, "Unavailable For Legal Reasons" },
    { 500, "Internal Server Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Gateway Timeout" },
    { 505, "HTTP Version Not Supported" },
    { 507, "Insufficient Storage" },
    { 511, "Network Authentication Required" },
};

const char *sse_http1_reason(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

/* Returns the index of the first field that can't be sent, or count; adds the bytes that the fields
 * before it take to *bytes. */
static size_t check_fields(const sse_http1_field *fields, size_t count, size_t *bytes)
{
    for (size_t i = 0; i < count; i++) {
        const sse_http1_field *f = &fields[i];

        if (!sse_http1_is_token(f->name))
            return i;
        if (!sse_http1_is_value(f->value))
            return i;
        *bytes += f->name.len + f->value.len + sizeof ": \r\n" - 1;
    }
    return count;
}

static char *put(char *at, const char *bytes, size_t len)
{
    if (len > 0)
        memcpy(at, bytes, len);
    return at + len;
}

/* Every response needs one, and snprintf is slow. */
static char *put_status_line(char *at, int minor, int status, const char *reason, size_t len)
{
    at = put(at, minor == 0 ? "HTTP/1.0 " : "HTTP/1.1 ", 9);
    at += sse_number_write_integer(at, status);
    *at++ = ' ';
    return put(put(at, reason, len), "\r\n", 2);
}

int sse_http1_write_head(sse_buffer *out, int minor, int status, const sse_http1_field *fields,
                         size_t count, size_t *bad)
{
    const char *reason = sse_http1_reason(status);
    size_t reason_len = strlen(reason), bytes = sizeof "HTTP/1.1 200 \r\n\r\n" - 1 + reason_len;
    size_t first = check_fields(fields, count, &bytes);
    char *at = NULL;
    int code = SSE_OK;

    if (first < count || status < 100 || status > 999) {
        if (bad)
            *bad = first;
        return SSE_EINVAL;
    }
    code = sse_buffer_reserve(out, bytes);
    if (code)
        return code;
    at = put_status_line(out->data + out->len, minor, status, reason, reason_len);
    for (size_t i = 0; i < count; i++) {
        at = put(at, fields[i].name.at, fields[i].name.len);
        at = put(at, ": ", 2);
        at = put(at, fields[i].value.at, fields[i].value.len);
        at = put(at, "\r\n", 2);
    }
    put(at, "\r\n", 2);
    out->len += bytes;
    return SSE_OK;
}
