#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "../http/bodies.h"
#include "session_types.h"

/* All bodies of a connection that arrive hold at most four units of max_body (256 KiB at least):
 * one that they gather before only the oldest is given more room, so that one is whole sooner or
 * later; one of windows that requests begin with, if the client keeps to its SETTINGS; one of wider
 * windows that the first few get; and the oldest body. Of a client that does not keep to them the
 * newest are refused. */
#define LEAST_UNIT ((size_t)256 << 10)
#define WIDE       65535 /* the window of a request while there are few */

/* Requests of one connection that a call of sse_http2_dispatch begins: behind them other
 * connections have their turn. */
enum { REQUESTS_A_TURN = 8 };

static size_t unit(const sse_limits *limits)
{
    return limits->max_body > LEAST_UNIT ? (size_t)limits->max_body : LEAST_UNIT;
}

uint32_t sse_http2_first_window(const sse_limits *limits)
{
    size_t window = unit(limits) / limits->max_concurrent_streams;

    return window > WIDE ? WIDE : window > 1024 ? (uint32_t)window : 1024;
}

/* A request that arrives. Its head is laid out as HTTP/1.1 has it and goes through the same parser,
 * so that limits, refusals and what handlers see are the same. */
struct sse_http2_reading {
    sse_http2_stream *stream;
    sse_http2_reading *next, **link; /* session->reading */
    sse_deadline deadline;           /* of the body */
    sse_buffer method, path, authority;
    sse_buffer text, cookies;
    size_t fields;        /* bytes of all fields, as their sizes are counted */
    size_t withheld;      /* bytes that the client may not replace yet */
    sse_request *request; /* once the head is whole */
    sse_arrival arrival;  /* of its body */
    bool wide;            /* its window was made WIDE */
    bool far, over;       /* the target, or all of the head, is more than is kept of it */
    bool whole_head;
    bool ready; /* the request is whole */
};

/* --- birth and end ------------------------------------------------------- */

static void on_late(sse_deadline *d)
{
    sse_http2_reading *r = SSE_OWNER(d, sse_http2_reading, deadline);

    sse_http2_stream_refuse(r->stream, 408, "the body did not arrive in time");
}

int sse_http2_reading_new(sse_http2_stream *t)
{
    sse_http2 *s = t->session;
    const sse_limits *limits = &sse_http2_context(s)->limits;
    sse_http2_reading *r = calloc(1, sizeof *r);

    if (!r)
        return SSE_ENOMEM;
    sse_buffer_init(&r->method, limits->max_head);
    sse_buffer_init(&r->path, limits->max_head);
    sse_buffer_init(&r->authority, limits->max_head);
    sse_buffer_init(&r->text, limits->max_head + limits->max_target + 1024);
    sse_buffer_init(&r->cookies, limits->max_head);
    r->stream = t;
    r->deadline.call = on_late;
    r->link = s->reading_tail;
    *s->reading_tail = r;
    s->reading_tail = &r->next;
    t->read = r;
    s->heads++;
    sse_http2_set_deadline(s);
    return SSE_OK;
}

static void free_text(sse_http2_reading *r)
{
    sse_buffer_free(&r->method);
    sse_buffer_free(&r->path);
    sse_buffer_free(&r->authority);
    sse_buffer_free(&r->text);
    sse_buffer_free(&r->cookies);
}

static size_t body_len(const sse_http2_reading *r)
{
    return r->request ? r->request->body.len : 0;
}

/* The client may send n bytes more on the stream. */
static void give_room(sse_http2_stream *t, size_t n)
{
    if (n > 0)
        nghttp2_session_consume_stream(t->session->engine, t->id, n);
}

/* The oldest body goes on, whatever the others hold. */
static void release_oldest(sse_http2 *s)
{
    sse_http2_reading *r = s->reading;

    while (r && (r->ready || !r->request))
        r = r->next;
    if (!r)
        return;
    give_room(r->stream, r->withheld);
    r->withheld = 0;
    sse_http2_wake(s);
}

static void take_out(sse_http2_reading *r)
{
    sse_http2 *s = r->stream->session;

    *r->link = r->next;
    if (r->next)
        r->next->link = r->link;
    else
        s->reading_tail = r->link;
    s->bodies -= body_len(r);
    s->wide -= r->wide;
    sse_arrival_end(&r->arrival);
    if (!r->whole_head)
        s->heads--;
    if (r->ready)
        s->ready--;
    sse_timer_wheel_cancel(&sse_http2_context(s)->wheel, &r->deadline);
}

void sse_http2_reading_free(sse_http2_stream *t)
{
    sse_http2_reading *r = t->read;

    if (!r)
        return;
    take_out(r);
    t->read = NULL;
    free_text(r);
    sse_request_unref(r->request);
    free(r);
    release_oldest(t->session);
}

/* --- the head ------------------------------------------------------------ */

static void append(sse_http2_reading *r, sse_buffer *to, sse_slice bytes)
{
    if (!r->over && bytes.len > 0 && sse_buffer_append(to, bytes.at, bytes.len))
        r->over = true;
}

static void append_field(sse_http2_reading *r, sse_slice name, sse_slice value)
{
    append(r, &r->text, name);
    append(r, &r->text, SSE_SLICE(": "));
    append(r, &r->text, value);
    append(r, &r->text, SSE_SLICE("\r\n"));
}

static void take_path(sse_http2_reading *r, sse_slice path)
{
    r->far = path.len > sse_http2_context(r->stream->session)->limits.max_target;
    if (!r->far)
        append(r, &r->path, path);
}

static void take_field(sse_http2_reading *r, sse_slice name, sse_slice value)
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

int sse_http2_reading_field(sse_http2_stream *t, sse_slice name, sse_slice value)
{
    sse_http2_reading *r = t->read;

    if (!r)
        return SSE_OK;                      /* refused already */
    r->fields += name.len + value.len + 32; /* RFC 9113 section 6.5.2 */
    if (r->fields > sse_http2_most_fields(&sse_http2_context(t->session)->limits))
        return SSE_ETOOBIG;
    if (!r->request) /* else a trailer */
        take_field(r, name, value);
    return SSE_OK;
}

/* Bytes that would end what they stand in, where they came without HPACK. */
static bool has_blank(sse_slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= ' ')
            return true;
    return false;
}

/* "GET /path HTTP/1.1", the Host, and then what came. false: it can't be. */
static bool lay_out(sse_http2_reading *r, sse_buffer *out)
{
    sse_slice method = sse_buffer_slice(&r->method), path = sse_buffer_slice(&r->path);
    sse_slice host = sse_buffer_slice(&r->authority);

    if (path.len == 0) /* CONNECT's */
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
    append(r, out, sse_buffer_slice(&r->text));
    append(r, out, SSE_SLICE("\r\n"));
    return true;
}

/* A Host beside :authority must say the same; it is left out then (RFC 9113 section 8.3.1). */
static bool settle_host(sse_http2_reading *r)
{
    static const char name[] = "host: ";
    sse_buffer *text = &r->text;
    sse_slice authority = sse_buffer_slice(&r->authority);
    size_t at = 0;

    while (authority.len > 0 && at < text->len) {
        char *line = text->data + at, *end = memchr(line, '\n', text->len - at);
        size_t len = end ? (size_t)(end + 1 - line) : text->len - at;

        if (len < sizeof name - 1 || memcmp(line, name, sizeof name - 1) != 0) {
            at += len;
            continue;
        }
        if (len != sizeof name - 1 + authority.len + 2 ||
            strncasecmp(line + sizeof name - 1, authority.at, authority.len) != 0)
            return false;
        memmove(line, line + len, text->len - at - len);
        text->len -= len;
    }
    return true;
}

static int parse(sse_http2_reading *r, sse_buffer *out, sse_http1_head *head,
                 sse_http1_refusal *refusal)
{
    const sse_limits *limits = &sse_http2_context(r->stream->session)->limits;
    sse_http1_limits bounds = { limits->max_head, limits->max_target };
    size_t scanned = 0, used = 0;
    int code = SSE_EPROTO;

    *refusal = (sse_http1_refusal){ 400, "The request's pseudo-header fields are malformed." };
    if (r->far)
        *refusal = (sse_http1_refusal){ 414, "The target is too long." };
    else if (r->over)
        *refusal = (sse_http1_refusal){ 431, "The request head is too large." };
    else if (!settle_host(r))
        refusal->reason = ":authority and Host differ.";
    else
        code = SSE_OK;
    if (code)
        return code;
    if (!lay_out(r, out))
        return SSE_EPROTO;
    code = sse_http1_parse_head(out->data, out->len, &bounds, &scanned, head, &used, refusal);
    return !code && used != out->len ? SSE_EPROTO : code;
}

static sse_request *make_request(sse_http2_reading *r, const sse_http1_head *head)
{
    sse_request *request =
        sse_request_new(head, (size_t)sse_http2_context(r->stream->session)->limits.max_body);

    if (request) {
        request->major = 2;
        request->minor = 0;
    }
    return request;
}

static void refuse_body(sse_http2_stream *t)
{
    char text[80];

    snprintf(text, sizeof text, "the body is larger than %llu bytes (max_body)",
             (unsigned long long)sse_http2_context(t->session)->limits.max_body);
    sse_http2_stream_refuse(t, 413, text);
}

/* The client waits for our word before it sends the body (RFC 9110 section 10.1.1). */
static void encourage(sse_http2_stream *t)
{
    nghttp2_nv status = { (uint8_t *)":status", (uint8_t *)"100", 7, 3, NGHTTP2_NV_FLAG_NONE };

    if (nghttp2_submit_headers(t->session->engine, NGHTTP2_FLAG_NONE, t->id, NULL, &status, 1,
                               NULL))
        t->session->failed = true;
}

static void refuse_arrival(void *owner)
{
    sse_http2_stream_refuse(owner, 503, SSE_BODIES_FULL);
}

/* The client has more room from the beginning where not many send. */
static void widen(sse_http2_stream *t)
{
    sse_http2 *s = t->session;

    if ((s->wide + 1) * (size_t)WIDE > unit(&sse_http2_context(s)->limits))
        return;
    if (nghttp2_session_set_local_window_size(s->engine, NGHTTP2_FLAG_NONE, t->id, WIDE)) {
        s->failed = true;
        return;
    }
    s->wide++;
    t->read->wide = true;
}

/* The head is understood: the body comes, or nothing more. */
static void take_head(sse_http2_stream *t, const sse_http1_head *head, bool last)
{
    sse_http2_reading *r = t->read;
    sse_context *context = sse_http2_context(t->session);

    r->request = make_request(r, head);
    if (!r->request) {
        sse_http2_stream_refuse(t, 503, "out of memory");
    } else if (sse_request_count(context, r->request, last)) {
        sse_http2_stream_refuse(t, 503, SSE_BODIES_FULL);
    } else if (head->content_length > 0 &&
               (uint64_t)head->content_length > context->limits.max_body) {
        refuse_body(t);
    } else if (last) {
        sse_http2_reading_end(t);
    } else {
        if (sse_http1_find(head, "expect"))
            encourage(t);
        widen(t);
        sse_arrival_begin(context, &r->arrival, t, refuse_arrival);
        sse_timer_wheel_set(&context->wheel, &r->deadline, context->limits.body_timeout);
    }
}

void sse_http2_reading_head(sse_http2_stream *t, bool last)
{
    sse_http2_reading *r = t->read;
    sse_http1_head head;
    sse_http1_refusal refusal;
    sse_buffer out;

    if (!r)
        return;
    r->whole_head = true;
    t->session->heads--;
    sse_http2_set_deadline(t->session);
    sse_buffer_init(&out, r->text.max + r->path.max);
    if (parse(r, &out, &head, &refusal)) {
        sse_http2_stream_refuse(t, refusal.status, refusal.reason);
    } else {
        take_head(t, &head, last);
        if (t->read)
            free_text(t->read);
    }
    sse_buffer_free(&out);
}

/* --- the body ------------------------------------------------------------ */

static bool is_oldest(const sse_http2_reading *r)
{
    const sse_http2_reading *first = r->stream->session->reading;

    while (first != r && (first->ready || !first->request))
        first = first->next;
    return first == r;
}

/* The newest body that arrives, or NULL. */
static sse_http2_reading *newest(const sse_http2 *s)
{
    sse_http2_reading *found = NULL;

    for (sse_http2_reading *r = s->reading; r; r = r->next)
        if (r->request && !r->ready)
            found = r;
    return found;
}

/* SSE_EFULL: too many bodies, of this connection or of all. */
static int append_body(sse_http2_stream *t, sse_slice bytes)
{
    sse_http2 *s = t->session;
    sse_http2_reading *r = t->read;
    sse_context *context = sse_http2_context(s);
    int code = sse_arrival_append(context, &r->arrival, r->request, bytes);

    if (code == SSE_ETOOBIG || code == SSE_ENOMEM)
        return code;
    s->bodies += bytes.len; /* also where it is refused: take_out takes it off */
    while (!code && s->bodies > 4 * unit(&context->limits)) {
        sse_http2_reading *last = newest(s);

        if (!last || last == r)
            return SSE_EFULL;
        refuse_arrival(last->stream);
    }
    return code;
}

void sse_http2_reading_body(sse_http2_stream *t, sse_slice bytes)
{
    sse_http2 *s = t->session;
    sse_http2_reading *r = t->read;
    int code = SSE_OK;

    nghttp2_session_consume_connection(s->engine, bytes.len);
    if (!r || !r->request)
        return;
    code = append_body(t, bytes);
    if (code == SSE_ETOOBIG)
        refuse_body(t);
    else if (code)
        sse_http2_stream_refuse(t, 503, code == SSE_EFULL ? SSE_BODIES_FULL : "out of memory");
    if (code)
        return;
    if (s->bodies > unit(&sse_http2_context(s)->limits) && !is_oldest(r))
        r->withheld += bytes.len;
    else
        give_room(t, bytes.len);
}

void sse_http2_reading_end(sse_http2_stream *t)
{
    sse_http2_reading *r = t->read;

    if (!r || !r->request || r->ready)
        return;
    r->ready = true;
    sse_arrival_end(&r->arrival);
    t->session->ready++;
    sse_timer_wheel_cancel(&sse_http2_context(t->session)->wheel, &r->deadline);
}

/* --- handing over -------------------------------------------------------- */

static void dispatch(sse_http2_reading *r)
{
    sse_http2_stream *t = r->stream;
    sse_context *context = sse_http2_context(t->session);
    sse_exchange *x = sse_exchange_new(context, &sse_http2_transport, t, r->request);

    if (!x) {
        sse_http2_stream_refuse(t, 503, "out of memory");
        return;
    }
    t->session->bodies -= body_len(r);
    r->request = NULL;
    sse_http2_reading_free(t);
    t->exchange = x;
    context->count.requests++;
    context->on_request(context->user, x);
}

/* Whether its answers hold as much as they may: what the client takes makes room, or the end of the
 * turn where all hold too much. */
static bool has_its_share(const sse_http2 *s)
{
    const sse_context *context = sse_http2_context(s);

    return (sse_context_half_full(context) && s->queued > sse_context_share(context)) ||
           (sse_context_full(context) && s->queued > 0);
}

/* A handler may do anything: the list is looked at anew after each. */
void sse_http2_dispatch(sse_http2 *s)
{
    int left = REQUESTS_A_TURN;

    while (left-- > 0 && s->ready > 0 && !has_its_share(s) &&
           !sse_connection_ended(s->connection) && !s->connection->finishing) {
        sse_http2_reading *r = s->reading;

        while (!r->ready)
            r = r->next;
        dispatch(r);
    }
    if (s->ready > 0 && left < 0)
        sse_connection_wake(s->connection);
    else if (s->ready > 0)
        sse_context_await_room(sse_http2_context(s));
}

void sse_http2_on_room(sse_connection *c)
{
    const sse_http2 *s = c->session;

    if (s->ready > 0)
        sse_connection_wake(c);
}
