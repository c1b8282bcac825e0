/* own_response.h: the whole responses that the server makes by itself, without a handler: an error,
 * and the response to a request on a connection past max_connections. */
#ifndef SSE_HTTP_OWN_RESPONSE_H
#define SSE_HTTP_OWN_RESPONSE_H

#include "context.h"
#include "request.h"

#define SSE_OWN_FIELDS 5

/* Points into itself, so it can't be copied. */
typedef struct sse_own_response {
    int status;
    size_t count;
    sse_http1_field fields[SSE_OWN_FIELDS];
    sse_slice body;
    char text[256], seconds[8]; /* what `body` and Retry-After point into */
} sse_own_response;

/* Makes the error "status Reason: reason" as text; a 503 has Retry-After. */
void sse_own_error(sse_own_response *r, int status, const char *reason);

/* Makes the response to a request on a connection past a limit. An EventSource gives up for good at
 * any status but 200, so a GET that accepts text/event-stream gets an event stream that ends after
 * a `retry` field of a random 1 to 10 s; any other request gets a 503. The response may point into
 * the request. */
void sse_own_refusal(sse_own_response *r, const sse_context *context, const sse_request *request);

#endif
