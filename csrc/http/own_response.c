#include "own_response.h"

#include <stdio.h>

#include "../wire/coding.h"
#include "../wire/http1_response.h"
#include "response_fields.h"

#define MIN_RETRY 1000 /* ms */
#define MAX_RETRY 10000

static void add(sse_own_response *r, const char *name, const char *value)
{
    r->fields[r->count++] = sse_response_text_field(name, value);
}

/* What snprintf has returned for r->text is the body. */
static void set_body(sse_own_response *r, int printed)
{
    size_t len = printed > 0 ? (size_t)printed : 0;

    r->body = (sse_slice){ r->text, len < sizeof r->text ? len : sizeof r->text - 1 };
}

void sse_own_error(sse_own_response *r, int status, const char *reason)
{
    r->status = status;
    r->count = 0;
    add(r, "Content-Type", "text/plain; charset=utf-8");
    if (status == 503)
        r->fields[r->count++] = sse_response_retry_after(r->seconds);
    set_body(r, snprintf(r->text, sizeof r->text, "%d %s: %s\n", status, sse_http1_reason(status),
                         reason));
}

/* A random time, so that refused clients do not all come back at once. */
static unsigned random_retry(void)
{
    uint16_t random = 0;

    evutil_secure_rng_get_bytes(&random, sizeof random);
    return MIN_RETRY + random % (MAX_RETRY - MIN_RETRY + 1);
}

/* Lets a page of another origin read the stream, which tells nothing but that it may come back: a
 * browser's EventSource gives up at a response that it may not read. Whether the program allows the
 * origin is not asked, since that may be a function of the program's. */
static void allow_origin(sse_own_response *r, const sse_request *request)
{
    for (size_t i = 0; i < request->field_count; i++) {
        if (!sse_slice_is_name(request->fields[i].name, "Origin"))
            continue;
        r->fields[r->count++] =
            (sse_http1_field){ SSE_SLICE("Access-Control-Allow-Origin"), request->fields[i].value };
        add(r, "Access-Control-Allow-Credentials", "true");
        add(r, "Vary", "Origin");
        return;
    }
}

void sse_own_refusal(sse_own_response *r, const sse_context *context, const sse_request *request)
{
    if (!sse_slice_is(request->method, "GET") ||
        !sse_fields_accept(request->fields, request->field_count, "text/event-stream")) {
        sse_own_error(r, 503, "too many connections");
        return;
    }
    r->status = 200;
    r->count = 0;
    add(r, "Content-Type", "text/event-stream");
    add(r, "Cache-Control", "no-store");
    if (context->cross_origin)
        allow_origin(r, request);
    set_body(r, snprintf(r->text, sizeof r->text, ": too many connections\nretry: %u\n\n",
                         random_retry()));
}
