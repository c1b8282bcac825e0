#include "request_head.h"

#include "../http/record.h"
#include "../http/visitor.h"
#include "../wire/http1_head.h"
#include "flood_limits.h"
#include "reader.h"
#include "request_body.h"
#include "response.h"
#include "schedule.h"
#include "shutdown.h"

/* Appends unless the head is too large, and notes when it becomes so. */
static void append(sse_http2_reader *r, sse_buffer *to, sse_slice bytes)
{
    if (!r->head_too_large && bytes.len > 0 && sse_buffer_append(to, bytes.at, bytes.len))
        r->head_too_large = true;
}

static void append_field(sse_http2_reader *r, sse_slice name, sse_slice value)
{
    append(r, &r->fields, name);
    append(r, &r->fields, SSE_SLICE(": "));
    append(r, &r->fields, value);
    append(r, &r->fields, SSE_SLICE("\r\n"));
}

static void take_path(sse_http2_reader *r, sse_slice path)
{
    r->target_too_long = path.len > sse_http2_context(r->stream->session)->limits.max_target;
    if (!r->target_too_long)
        append(r, &r->path, path);
}

static void take_field(sse_http2_reader *r, sse_slice name, sse_slice value)
{
    if (sse_slice_is(name, ":method"))
        append(r, &r->method, value);
    else if (sse_slice_is(name, ":path"))
        take_path(r, value);
    else if (sse_slice_is(name, ":authority"))
        append(r, &r->authority, value);
    else if (sse_slice_is(name, "cookie")) { /* in pieces (RFC 9113 section 8.2.3) */
        if (r->cookies.len > 0)
            append(r, &r->cookies, SSE_SLICE("; "));
        append(r, &r->cookies, value);
    } else if (name.at[0] != ':') {
        append_field(r, name, value);
    }
}

int sse_http2_request_add_field(sse_http2_stream *t, sse_slice name, sse_slice value)
{
    sse_http2_reader *r = t->reader;

    if (!r)
        return SSE_OK;                           /* the request was rejected */
    r->field_bytes += name.len + value.len + 32; /* RFC 9113 section 6.5.2 */
    if (r->field_bytes > sse_http2_max_field_bytes(&sse_http2_context(t->session)->limits))
        return SSE_ETOOBIG;
    if (!r->request) /* else a trailer */
        take_field(r, name, value);
    return SSE_OK;
}

/* Whether there is a space or a control character, which would end the part of an HTTP/1.1 request
 * line or field that the text becomes. */
static bool has_blank(sse_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= ' ')
            return true;
    return false;
}

/* Writes the head as HTTP/1.1 has it: "GET /path HTTP/1.1", Host, the other fields. false: the
 * pseudo-header fields can't be written so. */
static bool write_head(sse_http2_reader *r, sse_buffer *out)
{
    sse_slice method = sse_buffer_slice(&r->method), path = sse_buffer_slice(&r->path);
    sse_slice host = sse_buffer_slice(&r->authority);

    if (path.len == 0) /* CONNECT has none */
        path = host;
    if (has_blank(method) || has_blank(path) || has_blank(host))
        return false;
    if (r->cookies.len > 0)
        append_field(r, SSE_SLICE("cookie"), sse_buffer_slice(&r->cookies));
    append(r, out, method);
    append(r, out, SSE_SLICE(" "));
    append(r, out, path);
    append(r, out, SSE_SLICE(" HTTP/1.1\r\n"));
    if (host.len > 0) {
        append(r, out, SSE_SLICE("host: "));
        append(r, out, host);
        append(r, out, SSE_SLICE("\r\n"));
    }
    append(r, out, sse_buffer_slice(&r->fields));
    append(r, out, SSE_SLICE("\r\n"));
    return true;
}

/* Takes Host fields out of the fields if there is an :authority. false: one differs from it (RFC
 * 9113 section 8.3.1). */
static bool drop_host(sse_http2_reader *r)
{
    static const char name[] = "host: ";
    sse_buffer *text = &r->fields;
    sse_slice authority = sse_buffer_slice(&r->authority), value;
    size_t at = 0;

    while (authority.len > 0 && at < text->len) {
        char *line = text->data + at, *end = memchr(line, '\n', text->len - at);
        size_t len = end ? (size_t)(end + 1 - line) : text->len - at;

        if (len < sizeof name - 1 || memcmp(line, name, sizeof name - 1) != 0) {
            at += len;
            continue;
        }
        value = (sse_slice){ line + sizeof name - 1, authority.len };
        if (len != sizeof name - 1 + authority.len + 2 || !sse_slice_same_name(value, authority))
            return false;
        memmove(line, line + len, text->len - at - len);
        text->len -= len;
    }
    return true;
}

/* Parses the whole head. SSE_EPROTO: *refusal is the error response. */
static int parse(sse_http2_reader *r, sse_buffer *out, sse_http1_head *head,
                 sse_http1_refusal *refusal)
{
    const sse_limits *limits = &sse_http2_context(r->stream->session)->limits;
    sse_http1_limits bounds = { limits->max_head_size, limits->max_target };
    size_t scanned = 0, used = 0;
    int code = SSE_EPROTO;

    *refusal = (sse_http1_refusal){ 400, "The request's pseudo-header fields are malformed." };
    if (r->target_too_long)
        *refusal = (sse_http1_refusal){ 414, "The target is too long." };
    else if (r->head_too_large)
        *refusal = (sse_http1_refusal){ 431, "The request head is too large." };
    else if (!drop_host(r))
        refusal->reason = ":authority and Host differ.";
    else
        code = SSE_OK;
    if (code)
        return code;
    if (!write_head(r, out))
        return SSE_EPROTO;
    code = sse_http1_parse_head(out->data, out->len, &bounds, &scanned, head, &used, refusal);
    return !code && used != out->len ? SSE_EPROTO : code;
}

static sse_request *make_request(sse_http2_reader *r, const sse_http1_head *head)
{
    sse_request *request =
        sse_request_new(head, (size_t)sse_http2_context(r->stream->session)->limits.max_body_size);

    if (request) {
        request->major = 2;
        request->minor = 0;
        sse_record_begin(sse_http2_context(r->stream->session), request);
        sse_visitor_find(r->stream->session->connection, request);
    }
    return request;
}

/* The client waits for 100 (Continue) before it sends the body (RFC 9110 section 10.1.1). */
static void send_continue(sse_http2_stream *t)
{
    nghttp2_nv status = { (uint8_t *)":status", (uint8_t *)"100", 7, 3, NGHTTP2_NV_FLAG_NONE };

    if (nghttp2_submit_headers(t->session->nghttp2, NGHTTP2_FLAG_NONE, t->id, NULL, &status, 1,
                               NULL))
        t->session->failed = true;
}

/* Makes a request of the parsed head. `last`: it has no body. */
static void accept_head(sse_http2_stream *t, const sse_http1_head *head, bool last)
{
    sse_http2_reader *r = t->reader;
    sse_context *context = sse_http2_context(t->session);

    r->request = make_request(r, head);
    if (!r->request) {
        sse_http2_response_reject(t, 503, "out of memory");
    } else if (t->session->connection->refused) {
        sse_http2_response_refuse(t);
        sse_http2_shutdown_now(t->session);
    } else if (!sse_visitor_is_served(context, r->request)) {
        sse_http2_response_reject(t, 421, SSE_NOT_SERVED);
    } else if (sse_bodies_count_request(context, r->request, last)) {
        sse_http2_response_reject(t, 503, SSE_BODIES_FULL);
    } else if (head->content_length > 0 &&
               (uint64_t)head->content_length > context->limits.max_body_size) {
        sse_http2_request_reject_body(t);
    } else if (last) {
        sse_http2_request_end(t);
    } else {
        if (sse_http1_find(head, "expect"))
            send_continue(t);
        sse_http2_request_begin_body(t);
    }
}

void sse_http2_request_end_head(sse_http2_stream *t, bool last)
{
    sse_http2_reader *r = t->reader;
    sse_http1_head head;
    sse_http1_refusal refusal;
    sse_buffer out;

    if (!r)
        return;
    r->head_ended = true;
    t->session->partial_heads--;
    sse_http2_schedule_deadline(t->session);
    sse_buffer_init(&out, r->fields.max + r->path.max);
    if (parse(r, &out, &head, &refusal)) {
        sse_http2_response_reject(t, refusal.status, refusal.reason);
    } else {
        accept_head(t, &head, last);
        if (t->reader)
            sse_http2_reader_free_head(t->reader);
    }
    sse_buffer_free(&out);
}
