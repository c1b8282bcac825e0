/* request.h: a request as a handler sees it: its head, its whole body, and the client's address. */
#ifndef SSE_HTTP_REQUEST_H
#define SSE_HTTP_REQUEST_H

#include <event2/util.h>

#include "../wire/buffer.h"
#include "../wire/client.h"
#include "../wire/http1.h"

struct sockaddr;

/* The client of a socket's address, or of the peer of a connected socket. */
sse_client sse_client_of_address(const struct sockaddr *address);
sse_client sse_client_of_socket(evutil_socket_t fd);

/* Writes "127.0.0.1", "::1" or "unix"; "" where the address is unknown. */
void sse_client_text(const sse_client *client, char *out, size_t size);

typedef struct sse_request {
    uint32_t refs;
    sse_client client; /* see visitor.h; so the next three */
    bool named;        /* a trusted proxy names the client, with which it shares its connection */
    bool secure;       /* the client speaks TLS */
    sse_slice host;    /* as a trusted proxy tells; absent: see sse_visitor_host */
    sse_slice method, target;
    int major, minor; /* HTTP/major.minor */
    sse_buffer body;
    struct sse_record *record; /* see record.h; or NULL */
    size_t memory;             /* bytes of this block and of the body, which `counter` includes */
    size_t *counter;           /* context->count.bodies; NULL: not counted, or no longer */
    size_t field_count;
    sse_http1_field fields[]; /* and behind them the bytes that all slices point into */
} sse_request;

/* Copies a head into a request, with one reference and an empty body that may grow to max_body_size
 * bytes. NULL: out of memory. */
sse_request *sse_request_new(const sse_http1_head *head, size_t max_body_size);

static inline sse_request *sse_request_ref(sse_request *request)
{
    request->refs++;
    return request;
}

/* Gives a reference back; the last one frees the request. NULL is allowed. */
void sse_request_unref(sse_request *request);

/* Frees the body after it was copied elsewhere. Its bytes go on counting towards max_bodies until
 * the request is dropped, as the copy is thought to live as long. */
static inline void sse_request_free_body(sse_request *request)
{
    sse_buffer_free(&request->body);
}

/* Frees the body, and stops counting the request's bytes. */
void sse_request_drop_body(sse_request *request);

#endif
