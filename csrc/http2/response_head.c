#include "response_head.h"

#include <stdlib.h>

#include "../http/response_fields.h"
#include "../wire/decimal.h"
#include "../wire/error.h"
#include "../wire/http1_chars.h"

#define MAX_HEAD ((size_t)256 << 10)

/* Whether a field is the connection's, and so has no place in HTTP/2. */
static bool is_connection_field(sse_slice name)
{
    static const char *const names[] = { "connection", "keep-alive", "proxy-connection",
                                         "transfer-encoding", "upgrade" };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sse_slice_is_name(name, names[i]))
            return true;
    return false;
}

/* Checks status and fields, and adds up these in *bytes. Errors as sse_http2_response_head_new. */
static int check(int status, const sse_http1_field *fields, size_t count, size_t *bad,
                 size_t *bytes)
{
    size_t i = 0;

    *bytes = 0;
    for (; i < count; i++) {
        if (!sse_http1_is_token(fields[i].name) || !sse_http1_is_value(fields[i].value))
            break;
        *bytes += fields[i].name.len + fields[i].value.len;
    }
    if (i < count || status < 100 || status > 999) {
        if (bad)
            *bad = i;
        return SSE_EINVAL;
    }
    return *bytes > MAX_HEAD ? SSE_ETOOBIG : SSE_OK;
}

/* Copies the text to *to, which moves behind it; `lower`: in lower case. */
static uint8_t *put(char **to, sse_slice s, bool lower)
{
    char *at = *to;

    for (size_t i = 0; i < s.len; i++)
        at[i] = (char)(lower && s.at[i] >= 'A' && s.at[i] <= 'Z' ? s.at[i] | 32 : s.at[i]);
    *to += s.len;
    return (uint8_t *)at;
}

/* Adds a field, whose text is copied to *to. */
static void add(sse_http2_response_head *head, char **to, sse_slice name, sse_slice value)
{
    nghttp2_nv *nv = &head->fields[head->count++];

    *nv = (nghttp2_nv){ .namelen = name.len, .valuelen = value.len };
    nv->name = put(to, name, true);
    nv->value = put(to, value, false);
}

int sse_http2_response_head_new(const char *date, int status, const sse_http1_field *fields,
                                size_t count, int64_t length, size_t *bad,
                                sse_http2_response_head **out)
{
    sse_http1_field all[SSE_HTTP1_MAX_FIELDS + SSE_RESPONSE_COMMON_FIELDS];
    char length_text[SSE_RESPONSE_LENGTH_SIZE], digits[SSE_NUMBER_MAX], *to = NULL;
    size_t bytes = 0;
    sse_http2_response_head *head = NULL;
    int code = SSE_OK;

    if (count > SSE_HTTP1_MAX_FIELDS)
        return SSE_ETOOBIG;
    if (count)
        memcpy(all, fields, count * sizeof *fields);
    count = sse_response_add_common_fields(length_text, date, status, length, all, count);
    code = check(status, all, count, bad, &bytes);
    if (code)
        return code;
    head = malloc(sizeof *head + (count + 1) * sizeof head->fields[0] + bytes + sizeof ":status" +
                  sizeof digits);
    if (!head)
        return SSE_ENOMEM;
    *head = (sse_http2_response_head){ 0 };
    to = (char *)&head->fields[count + 1];
    add(head, &to, SSE_SLICE(":status"),
        (sse_slice){ digits, sse_number_write_integer(digits, status) });
    for (size_t i = 0; i < count; i++)
        if (!is_connection_field(all[i].name))
            add(head, &to, all[i].name, sse_slice_trim(all[i].value));
    *out = head;
    return SSE_OK;
}
