#include "recording.h"

#include <string.h>

#include "../wire/http1_chars.h"

/* --- responses of the protocol's own ---------------------------------------------------------- */

sse_request *sse_recording_unread(const sse_context *context, sse_slice method, sse_slice target,
                                  int major, int minor)
{
    sse_http1_head head = { .method = method, .target = target, .minor = minor };
    sse_request *request = context->recording ? sse_request_new(&head, 0) : NULL;

    if (request)
        request->major = major;
    return request;
}

/* Takes the bytes up to the next space or line end off *line. */
static sse_slice cut_word(sse_slice *line)
{
    sse_slice word = { line->at, 0 };

    while (word.len < line->len && !strchr(" \r\n", line->at[word.len]))
        word.len++;
    line->at += word.len;
    line->len -= word.len;
    while (line->len > 0 && line->at[0] == ' ') {
        line->at++;
        line->len--;
    }
    return word;
}

/* A line may be anything, also TLS or another protocol. Its first word counts only as a token. */
sse_request *sse_recording_unread_line(const sse_context *context, sse_slice head)
{
    sse_slice method, target, version;
    int minor = -1;

    while (head.len > 0 && (head.at[0] == '\r' || head.at[0] == '\n')) {
        head.at++;
        head.len--;
    }
    if (head.len > context->limits.max_target)
        head.len = context->limits.max_target;
    method = cut_word(&head);
    target = cut_word(&head);
    version = cut_word(&head);
    if (version.len == 8 && memcmp(version.at, "HTTP/1.", 7) == 0)
        minor = version.at[7] - '0';
    if (!sse_http1_is_token(method))
        method = target = (sse_slice){ 0 };
    return sse_recording_unread(context, method, target, 1, minor == 0 || minor == 1 ? minor : -1);
}

void sse_recording_refusal(const sse_connection *c, sse_request *request, int status, size_t bytes,
                           sse_queue *queue)
{
    sse_context *context = c->context;

    if (!context->recording || sse_connection_ended(c))
        return;
    request = request ? sse_request_ref(request)
                      : sse_recording_unread(context, (sse_slice){ 0 }, (sse_slice){ 0 }, 1, -1);
    if (!request)
        return;
    sse_record_make(context, request);
    if (!request->record) {
        sse_request_unref(request);
        return;
    }
    if (request->client.len == 0)
        request->client = c->client.len ? c->client : sse_client_of_socket(c->fd);
    sse_request_drop_body(request);
    request->record->status = status;
    request->record->bytes = bytes;
    request->record->reason = SSE_END_FINISHED;
    sse_record_await(context, request, queue);
}

void sse_recording_replace(sse_exchange *x, int status, size_t bytes, sse_queue *queue)
{
    sse_record *r = x->request ? x->request->record : NULL;

    if (!r)
        return;
    r->status = status;
    r->bytes = bytes;
    queue->dropped = 0; /* what was begun is no part of this response */
}

/* --- responses of exchanges ------------------------------------------------------------------- */

static sse_record *record_of(const sse_exchange *x)
{
    return x->request->record;
}

void sse_recording_end(sse_exchange *x, sse_reason reason)
{
    sse_record *r = record_of(x);
    const sse_connection *c = r->transport->connection(x);
    sse_queue *queue = r->transport->queue(x);

    r->reason = (uint8_t)reason;
    sse_request_ref(x->request);
    if (!r->transport->lost(x)) {
        sse_record_await(x->context, x->request, queue);
        return;
    }
    sse_record_lose(r, sse_queue_bytes(queue) + queue->dropped,
                    sse_connection_ended(c) ? (sse_reason)c->reason : SSE_END_CLIENT);
    sse_record_complete(x->context, x->request);
}

static int start(sse_exchange *x, int status, const sse_http1_field *fields, size_t count,
                 int64_t length, size_t *bad)
{
    int code = record_of(x)->transport->start(x, status, fields, count, length, bad);

    if (!code)
        record_of(x)->status = status;
    return code;
}

static int send_frame(sse_exchange *x, sse_frame *frame)
{
    int code = record_of(x)->transport->send(x, frame);

    if (!code)
        record_of(x)->bytes += frame->payload;
    return code;
}

static int push_frame(sse_exchange *x, sse_frame *frame)
{
    int code = record_of(x)->transport->push(x, frame);

    if (!code || code == SSE_EAGAIN)
        record_of(x)->bytes += frame->payload;
    return code;
}

static void finish(sse_exchange *x)
{
    record_of(x)->transport->finish(x);
}

static void set_final_deadline(sse_exchange *x, uint64_t ms)
{
    record_of(x)->transport->set_final_deadline(x, ms);
}

static void abort_response(sse_exchange *x)
{
    record_of(x)->transport->abort(x);
}

static void flush(sse_exchange *x, bool again)
{
    record_of(x)->transport->flush(x, again);
}

static size_t pending(const sse_exchange *x)
{
    return record_of(x)->transport->pending(x);
}

static size_t queued(const sse_exchange *x)
{
    return record_of(x)->transport->queued(x);
}

static sse_queue *queue_of(const sse_exchange *x)
{
    return record_of(x)->transport->queue(x);
}

static sse_connection *connection_of(const sse_exchange *x)
{
    return record_of(x)->transport->connection(x);
}

static void **address_of(const sse_exchange *x)
{
    return record_of(x)->transport->address(x);
}

static bool is_lost(const sse_exchange *x)
{
    return record_of(x)->transport->lost(x);
}

const sse_transport sse_recording_transport = {
    .start = start,
    .send = send_frame,
    .push = push_frame,
    .finish = finish,
    .set_final_deadline = set_final_deadline,
    .abort = abort_response,
    .flush = flush,
    .pending = pending,
    .queued = queued,
    .queue = queue_of,
    .connection = connection_of,
    .address = address_of,
    .lost = is_lost,
};
