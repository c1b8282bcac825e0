/* http1_check.c: what the fields of a request head mean for its framing, and which of them
 * contradict. */
#include "http1_check.h"

#include "authority.h"
#include "http1_chars.h"

/* Host: one, well-formed, and on HTTP/1.1 required (RFC 9112 section 3.2). */
static int check_host(const sse_http1_head *head, const sse_http1_field **host,
                      sse_http1_refusal *refusal)
{
    *host = NULL;
    for (size_t i = 0; i < head->field_count; i++) {
        if (!sse_slice_is_name(head->fields[i].name, "host"))
            continue;
        if (*host)
            return sse_http1_refusal_set(refusal, 400, "More than one Host.");
        *host = &head->fields[i];
    }
    if (!*host && head->minor == 1)
        return sse_http1_refusal_set(refusal, 400, "Host is missing.");
    if (*host && !sse_is_authority((*host)->value))
        return sse_http1_refusal_set(refusal, 400, "Host is malformed.");
    return SSE_OK;
}

sse_slice sse_http1_target_authority(sse_slice target)
{
    static const char *const schemes[] = { "http://", "https://" };

    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(schemes[i]), end = len;

        if (target.len < len || !sse_slice_is_name((sse_slice){ target.at, len }, schemes[i]))
            continue;
        while (end < target.len && target.at[end] != '/' && target.at[end] != '?')
            end++;
        return (sse_slice){ target.at + len, end - len };
    }
    return (sse_slice){ NULL, 0 };
}

/* The target has one of the four forms of RFC 9112 section 3.2, and agrees with Host. */
static int check_target(const sse_http1_head *head, const sse_http1_field *host,
                        sse_http1_refusal *refusal)
{
    sse_slice authority = { NULL, 0 };

    if (sse_slice_is(head->method, "CONNECT"))
        return sse_http1_refusal_set(refusal, 501, "CONNECT is not served.");
    if (head->target.at[0] == '/')
        return SSE_OK;
    if (sse_slice_is(head->target, "*")) {
        if (sse_slice_is(head->method, "OPTIONS"))
            return SSE_OK;
        return sse_http1_refusal_set(refusal, 400, "The target \"*\" is for OPTIONS only.");
    }
    authority = sse_http1_target_authority(head->target);
    if (!authority.at || !sse_is_authority(authority))
        return sse_http1_refusal_set(refusal, 400, "The target is neither a path nor an http URL.");
    if (host && !sse_slice_same_name(authority, host->value))
        return sse_http1_refusal_set(refusal, 400, "The target and Host name different servers.");
    return SSE_OK;
}

static int parse_length(sse_slice value, int64_t *out)
{
    int64_t length = 0;

    if (value.len == 0)
        return SSE_EINVAL;
    for (size_t i = 0; i < value.len; i++) {
        if (!sse_http1_is_digit(value.at[i]))
            return SSE_EINVAL;
        if (length > (INT64_MAX - 9) / 10)
            length = INT64_MAX; /* larger than any limit: 413 follows */
        else
            length = length * 10 + (value.at[i] - '0');
    }
    *out = length;
    return SSE_OK;
}

/* Content-Length: digits, given once (RFC 9110 section 8.6). */
static int check_length(sse_http1_head *head, sse_http1_refusal *refusal)
{
    head->content_length = -1;
    for (size_t i = 0; i < head->field_count; i++) {
        if (!sse_slice_is_name(head->fields[i].name, "content-length"))
            continue;
        if (head->content_length >= 0)
            return sse_http1_refusal_set(refusal, 400, "More than one Content-Length.");
        if (parse_length(head->fields[i].value, &head->content_length))
            return sse_http1_refusal_set(refusal, 400, "Content-Length is not a number.");
    }
    return SSE_OK;
}

static int check_coding(sse_slice coding, bool *chunked, bool *unknown, sse_http1_refusal *refusal)
{
    if (*chunked)
        return sse_http1_refusal_set(refusal, 400, "Another transfer coding follows chunked.");
    if (coding.len == 0)
        return sse_http1_refusal_set(refusal, 400, "Transfer-Encoding is malformed.");
    if (sse_slice_is_name(coding, "chunked"))
        *chunked = true;
    else
        *unknown = true;
    return SSE_OK;
}

/* Transfer-Encoding: chunked alone, and not beside a Content-Length (RFC 9112 sections 6.1, 6.3).
 */
static int check_transfer(sse_http1_head *head, sse_http1_refusal *refusal)
{
    bool present = false, unknown = false;
    sse_slice coding = { NULL, 0 };

    head->chunked = false;
    for (size_t i = 0; i < head->field_count; i++) {
        sse_slice rest = head->fields[i].value;

        if (!sse_slice_is_name(head->fields[i].name, "transfer-encoding"))
            continue;
        present = true;
        while (sse_http1_next_element(&rest, &coding))
            if (check_coding(coding, &head->chunked, &unknown, refusal))
                return SSE_EPROTO;
    }
    if (!present)
        return SSE_OK;
    if (head->minor == 0)
        return sse_http1_refusal_set(refusal, 400, "Transfer-Encoding in HTTP/1.0.");
    if (head->content_length >= 0)
        return sse_http1_refusal_set(refusal, 400, "Both Transfer-Encoding and Content-Length.");
    if (!head->chunked)
        return sse_http1_refusal_set(refusal, 400, "The last transfer coding is not chunked.");
    if (unknown)
        return sse_http1_refusal_set(refusal, 501, "A transfer coding other than chunked.");
    return SSE_OK;
}

/* Whether the connection stays open after the response (RFC 9112 section 9.3). */
static void read_connection(sse_http1_head *head)
{
    bool close = false, keep = head->minor == 1;
    sse_slice option = { NULL, 0 };

    for (size_t i = 0; i < head->field_count; i++) {
        sse_slice rest = head->fields[i].value;

        if (!sse_slice_is_name(head->fields[i].name, "connection"))
            continue;
        while (sse_http1_next_element(&rest, &option)) {
            close = close || sse_slice_is_name(option, "close");
            keep = keep || sse_slice_is_name(option, "keep-alive");
        }
    }
    head->keep_alive = keep && !close;
}

/* Expect: 100-continue or nothing (RFC 9110 section 10.1.1). */
static int check_expect(sse_http1_head *head, sse_http1_refusal *refusal)
{
    bool expected = false;

    for (size_t i = 0; i < head->field_count; i++) {
        if (!sse_slice_is_name(head->fields[i].name, "expect"))
            continue;
        if (!sse_slice_is_name(head->fields[i].value, "100-continue"))
            return sse_http1_refusal_set(refusal, 417, "Only 100-continue can be expected.");
        expected = true;
    }
    expected = expected && head->minor == 1;
    head->expect_continue = expected && (head->chunked || head->content_length > 0);
    return SSE_OK;
}

int sse_http1_check_head(sse_http1_head *head, sse_http1_refusal *refusal)
{
    const sse_http1_field *host = NULL;

    if (check_host(head, &host, refusal) || check_target(head, host, refusal) ||
        check_length(head, refusal) || check_transfer(head, refusal) || check_expect(head, refusal))
        return SSE_EPROTO;
    read_connection(head);
    return SSE_OK;
}
